use super::*;

#[test]
fn a_buffer_comes_back_when_what_was_read_is_sent() {
    let pool = BufferPool::default();
    let mut buffer = pool.take(Size::Medium);
    let first = buffer.as_ptr();
    buffer.extend_from_slice(&[1; 5_000]);
    let sent = buffer.take_filled();
    assert_eq!(sent.as_ptr(), first, "not copied");
    drop(buffer);
    let other = pool.take(Size::Medium);
    assert_ne!(other.as_ptr(), first, "still on its way");
    drop(other);
    drop(sent);
    let (a, b) = (pool.take(Size::Medium), pool.take(Size::Medium));
    assert!([a.as_ptr(), b.as_ptr()].contains(&first), "used again");
    assert!(a.capacity() >= Size::Medium.bytes() && b.capacity() >= Size::Medium.bytes());
}

#[test]
fn a_short_read_is_copied_and_the_buffer_free_at_once() {
    let pool = BufferPool::default();
    let mut buffer = pool.take(Size::Small);
    let first = buffer.as_ptr();
    buffer.extend_from_slice(b"hello");
    let sent = buffer.take_filled();
    drop(buffer);
    assert_eq!(pool.take(Size::Small).as_ptr(), first);
    assert_eq!(sent, "hello");
}

#[test]
fn what_is_kept_is_bounded() {
    let pool = BufferPool::default();
    for size in Size::ALL {
        let many: Vec<_> = (0..1_000).map(|_| pool.take(size)).collect();
        drop(many);
    }
    assert_eq!(pool.kept(), 7 << 20);
}

#[test]
fn trim_frees_what_was_not_needed_since_the_last_time() {
    let pool = BufferPool::default();
    drop((0..10).map(|_| pool.take(Size::Large)).collect::<Vec<_>>());
    pool.trim();
    let kept = || pool.kept() / Size::Large.bytes();
    assert_eq!(kept(), 10, "all were needed");
    let used: Vec<_> = (0..3).map(|_| pool.take(Size::Large)).collect();
    drop(used);
    pool.trim();
    assert_eq!(kept(), 3);
    pool.trim();
    assert_eq!(kept(), 0);
}
