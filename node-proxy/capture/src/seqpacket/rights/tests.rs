use proptest::prelude::*;

use super::*;

fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
    let mut bytes = (HEADER + data.len()).to_ne_bytes().to_vec();
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(WORD), 0);
    bytes
}

fn rights(numbers: &[RawFd]) -> Vec<u8> {
    let data: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    message(SOL_SOCKET, SCM_RIGHTS, &data)
}

#[test]
fn an_unused_buffer_holds_nothing() {
    assert!(numbers(&[]).is_empty());
    assert!(numbers(&[0; 512]).is_empty());
}

#[test]
fn other_messages_are_passed_over() {
    let control = [message(SOL_SOCKET, SCM_RIGHTS + 1, &[1; 13]), rights(&[7, 8, 9]), vec![0; 64]].concat();
    assert_eq!(numbers(&control), [7, 8, 9]);
}

#[test]
fn a_cut_message_gives_what_is_whole() {
    let mut control = rights(&[7, 8]);
    let odd = HEADER + NUMBER + 2;
    control[..WORD].copy_from_slice(&odd.to_ne_bytes());
    assert_eq!(numbers(&control), [7]);
}

proptest! {
    #[test]
    fn any_numbers_come_back(sets in prop::collection::vec(prop::collection::vec(0..1_000_000, 0..20), 0..4)) {
        let control = [sets.iter().flat_map(|set| rights(set)).collect(), vec![0; WORD * 3]].concat();
        prop_assert_eq!(numbers(&control), sets.concat());
    }

    #[test]
    fn no_bytes_are_too_strange(control in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = numbers(&control);
    }
}
