use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Push(usize),
    Consume(usize),
    Pop,
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![0..200_usize, SMALL - 2..SMALL + 2, Just(BLOCK), Just(2 * BLOCK)];
    prop_oneof![
        4 => size.clone().prop_map(Step::Push),
        2 => size.prop_map(Step::Consume),
        1 => Just(Step::Pop),
        2 => Just(Step::Compact),
    ]
}

fn contents(unread: &Unread) -> Vec<u8> {
    let mut slices = vec![IoSlice::new(&[]); unread.pieces.len()];
    let filled = unread.slices(&mut slices);
    slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect()
}

proptest! {
    #[test]
    fn bytes_keep_their_order_whatever_is_done(steps in vec(step(), 1..40)) {
        let (mut unread, mut model, mut next) = (Unread::default(), VecDeque::new(), 0_u8);
        for step in steps {
            match step {
                Step::Push(size) => {
                    let piece: Vec<u8> = (0..size).map(|_| { next = next.wrapping_add(1); next }).collect();
                    model.extend(&piece);
                    unread.push(piece.into());
                }
                Step::Consume(bytes) => {
                    model.drain(..bytes.min(model.len()));
                    unread.consume(bytes);
                }
                Step::Pop => {
                    let piece = unread.pop().unwrap_or_default();
                    let expected: Vec<u8> = model.drain(..piece.len()).collect();
                    prop_assert_eq!(&piece[..], &expected[..]);
                }
                Step::Compact => {
                    unread.compact();
                    let small = unread.pieces.iter().filter(|piece| piece.len() < SMALL).count();
                    prop_assert!(small <= 1 + unread.pieces.len().div_ceil(2), "{small} small pieces");
                }
            }
            prop_assert_eq!(unread.len(), model.len());
            prop_assert_eq!(unread.is_empty(), model.is_empty());
            prop_assert_eq!(contents(&unread), model.iter().copied().collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_small_piece_that_waits_lets_its_block_go() {
    let mut block = BytesMut::with_capacity(64 * 1024);
    block.extend_from_slice(b"a small piece");
    let mut unread = Unread::default();
    unread.push(block.split().freeze());
    assert!(!block.try_reclaim(64 * 1024), "the piece keeps the block busy");
    unread.compact();
    assert!(block.try_reclaim(64 * 1024));
    assert_eq!(contents(&unread), b"a small piece");
}

#[test]
fn many_small_pieces_become_few() {
    let mut unread = Unread::default();
    for _ in 0..10_000 {
        unread.push(Bytes::from_static(b"0123456789"));
        unread.compact();
    }
    assert_eq!(unread.len(), 100_000);
    assert!(unread.pieces.len() <= 100_000 / SMALL + 1, "{} pieces", unread.pieces.len());
}
