use proptest::prelude::*;

use super::*;
use crate::rules::LONGEST_NOTE;

proptest! {
    #[test]
    fn a_note_says_what_was_before(values in any::<[u32; NUMBER]>()) {
        let before = SavedSysctls(values);
        prop_assert_eq!(before.to_string().parse(), Ok(before));
    }
}

#[test]
fn the_longest_note_fits() {
    assert!(SavedSysctls([u32::MAX; NUMBER]).to_string().len() <= LONGEST_NOTE);
}

#[test]
fn foreign_notes_are_refused() {
    for note in ["", "before", "before 1 2", "before 1 2 3 4 5 6", "before 1 2 3 4 x", "after 1 2 3 4 5"] {
        assert_eq!(note.parse::<SavedSysctls>(), Err(UnknownNote), "{note}");
    }
}

#[test]
fn a_setting_that_is_not_there_is_none() {
    assert_eq!(read("net/ipv4/there_is_no_such_setting").unwrap(), None);
}
