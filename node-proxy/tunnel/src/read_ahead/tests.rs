use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, duplex};

use super::*;

/// Counts its reads.
struct Counted<Io>(Io, usize);

impl<Io: AsyncRead + Unpin> AsyncRead for Counted<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1 += 1;
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

#[tokio::test]
async fn small_reads_are_served_from_one_big_one() {
    let (mut far, near) = duplex(64 * 1024);
    far.write_all(&[7; 40_000]).await.unwrap();
    let buffers = BufferPool::default();
    let mut ahead = ReadAhead::new(Counted(near, 0), buffers.clone());
    for _ in 0..10 {
        let mut piece = [0; 4_000];
        ahead.read_exact(&mut piece).await.unwrap();
        assert_eq!(piece, [7; 4_000]);
    }
    assert_eq!(ahead.io.1, 1);
    assert!(ahead.ahead.is_none());
    assert_eq!(buffers.kept(), READ.bytes(), "given back");
}

#[tokio::test]
async fn waiting_holds_no_buffer_and_an_end_is_an_end() {
    let (far, near) = duplex(1024);
    let buffers = BufferPool::default();
    let mut ahead = ReadAhead::new(near, buffers.clone());
    let mut piece = [0; 16];
    {
        let mut waiting = pin!(ahead.read(&mut piece));
        let polled = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        assert_eq!(buffers.kept(), READ.bytes());
    }
    drop(far);
    assert_eq!(ahead.read(&mut piece).await.unwrap(), 0);
    assert_eq!(ahead.read(&mut piece).await.unwrap(), 0);
}

#[tokio::test]
async fn a_limited_peer_is_read_no_further_until_the_limit_is_lifted() {
    for is_lifted in [false, true] {
        let (mut far, near) = duplex(1 << 20);
        far.write_all(&[7; 200_000]).await.unwrap();
        let mut ahead = ReadAhead::limited(near, BufferPool::default(), 70_000);
        let mut first = vec![0; 70_000 - usize::from(is_lifted)];
        ahead.read_exact(&mut first).await.unwrap();
        if is_lifted {
            ahead.lift_limit();
            let mut rest = vec![0; 200_000 - first.len()];
            ahead.read_exact(&mut rest).await.unwrap();
            assert!(rest.iter().all(|byte| *byte == 7));
        } else {
            let error = ahead.read(&mut [0; 100_000]).await.unwrap_err();
            assert_eq!(error.to_string(), AllowanceSpent.to_string());
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_whatever_the_sizes(writes in vec(1..3_000_usize, 1..20), reads in vec(1..100_000_usize, 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut far, near) = duplex(4_096);
            let sent: Vec<u8> = (0..writes.iter().sum::<usize>()).map(|at| at as u8).collect();
            let expected = sent.clone();
            let writing = async move {
                let mut rest = sent.as_slice();
                for size in writes {
                    let (now, later) = rest.split_at(size);
                    far.write_all(now).await.unwrap();
                    rest = later;
                }
            };
            let reading = async move {
                let mut ahead = ReadAhead::new(near, BufferPool::default());
                let mut seen = Vec::new();
                for size in reads.iter().cycle() {
                    let mut piece = vec![0; *size];
                    match ahead.read(&mut piece).await.unwrap() {
                        0 => break,
                        read => seen.extend_from_slice(&piece[..read]),
                    }
                }
                seen
            };
            let (_, seen) = tokio::join!(writing, reading);
            assert!(seen == expected);
        });
    }
}
