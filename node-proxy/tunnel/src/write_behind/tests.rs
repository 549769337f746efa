use std::task::Waker;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

use super::*;

fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn small_writes_leave_together_and_only_when_sent() {
    let (near, mut far) = duplex(64 * 1024);
    let mut io = WriteBehind::new(near);
    let driver = io.handle();
    for text in ["a", "bc", "def"] {
        io.write_all(text.as_bytes()).await.unwrap();
        io.flush().await.unwrap();
    }
    assert!(now(|cx| Pin::new(&mut far).poll_read(cx, &mut ReadBuf::new(&mut [0; 8]))).is_pending());
    assert!(now(|cx| driver.poll_send(cx)).is_ready());
    let mut seen = [0; 6];
    far.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"abcdef");
    assert_eq!(driver.inner.borrow().gathered.capacity(), 0, "nothing is held while there is nothing");
}

#[tokio::test]
async fn room_is_made_for_as_much_as_the_last_time() {
    let (near, _far) = duplex(64 * 1024);
    let mut io = WriteBehind::new(near);
    let driver = io.handle();
    let mut room = Vec::new();
    for writes in [1, 40, 1, 1] {
        io.write_all(&[0; 150]).await.unwrap();
        room.push(driver.inner.borrow().gathered.capacity());
        for _ in 1..writes {
            io.write_all(&[0; 150]).await.unwrap();
        }
        assert!(now(|cx| driver.poll_send(cx)).is_ready());
    }
    assert_eq!(room, [150, 150, 40 * 150, 150]);
}

#[tokio::test]
async fn order_is_kept_whatever_the_sizes() {
    let (near, mut far) = duplex(1000);
    let mut io = WriteBehind::new(near);
    let driver = io.handle();
    let sizes = [1, 200, 9 * 1024, 7000, 7000, 7000, 20_000, 3, 16 * 1024, 1];
    let expected: Vec<u8> = (0..sizes.iter().sum::<usize>()).map(|at| at as u8).collect();
    let sending = async {
        let mut rest = &expected[..];
        for size in sizes {
            let (head, tail) = rest.split_at(size);
            io.write_all(head).await.unwrap();
            rest = tail;
        }
        poll_fn(|cx| driver.poll_send(cx)).await.unwrap();
    };
    let mut seen = vec![0; expected.len()];
    let (_, read) = tokio::join!(sending, far.read_exact(&mut seen));
    read.unwrap();
    assert!(seen == expected);
}

#[tokio::test]
async fn what_is_gathered_is_sent_before_the_end() {
    let (near, mut far) = duplex(64);
    let mut io = WriteBehind::new(near);
    io.write_all(b"goodbye").await.unwrap();
    io.shutdown().await.unwrap();
    drop(io);
    let mut seen = Vec::new();
    far.read_to_end(&mut seen).await.unwrap();
    assert_eq!(seen, b"goodbye");
}

#[tokio::test]
async fn work_that_waits_for_an_answer_has_sent_its_question() {
    let (near, mut far) = duplex(64);
    let mut io = WriteBehind::new(near);
    let outgoing = io.handle();
    let asking = outgoing.drive(async {
        io.write_all(b"question").await.unwrap();
        io.read_u8().await.unwrap()
    });
    let answering = async {
        far.read_exact(&mut [0; 8]).await.unwrap();
        far.write_u8(42).await.unwrap();
    };
    assert_eq!(tokio::join!(asking, answering).0, 42);
}

#[tokio::test]
async fn a_full_gathering_holds_the_writer_back() {
    let (near, _far) = duplex(16);
    let mut io = WriteBehind::new(near);
    let mut taken = 0;
    while let Poll::Ready(written) = now(|cx| Pin::new(&mut io).poll_write(cx, &[7; 1000])) {
        taken += written.unwrap();
        assert!(taken <= GATHERED, "more than can be gathered");
    }
    assert!(taken > GATHERED - 1000);
}

/// A peer that has closed, with a reason or without. The reason arrives only after the first read.
struct Closed {
    said: Option<&'static str>,
    is_there: bool,
}

impl AsyncRead for Closed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_there, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.said.map_or(Ok(()), |reason| Err(io::Error::other(reason))))
    }
}

impl AsyncWrite for Closed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_write_fails_for_the_reason_that_the_peer_gave() {
    for (said, expected) in [(Some("received fatal alert"), "received fatal alert"), (None, "broken pipe")] {
        let mut io = WriteBehind::new(Closed { said, is_there: false });
        io.write_all(b"preface").await.unwrap();
        let driver = io.handle();
        let failed = poll_fn(|cx| driver.poll_send(cx)).await.unwrap_err();
        assert_eq!(failed.to_string(), expected);
    }
}
