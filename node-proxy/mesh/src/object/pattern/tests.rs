use proptest::prelude::*;

use super::*;
use crate::fixture::{exact, prefix, present, suffix};

#[test]
fn texts() {
    let table = [
        (exact("shop"), "shop", true),
        (exact("shop"), "shops", false),
        (exact(""), "", true),
        (prefix("sh"), "shop", true),
        (prefix("sh"), "s", false),
        (prefix(""), "", true),
        (suffix("op"), "shop", true),
        (suffix("op"), "ops", false),
        (present(), "shop", true),
        (present(), "", false),
    ];
    for (wire, text, expected) in table {
        let pattern = Pattern::read("namespaces", wire).unwrap();
        assert_eq!(pattern.matches(text), expected, "{pattern:?} on {text:?}");
    }
}

#[test]
fn a_pattern_of_no_kind_is_an_error() {
    let nothing = StringMatch { match_type: None };
    assert_eq!(Pattern::read("principals", nothing), Err(Reason::Missing { field: "principals" }));
}

proptest! {
    /// A principal matches like its text, which is never built.
    #[test]
    fn principals_match_as_their_text_does(
        parts in ["[a-z.]{0,3}a", "[a-z.]{0,3}a", "[a-z.]{0,3}a"],
        cut in 0..24_usize,
        kind in 0..4,
        other in "[a-z/]{0,6}",
    ) {
        let [trust_domain, namespace, account] = parts;
        let identity = Identity::new(&trust_domain, &namespace, &account).unwrap();
        let principal = identity.principal();
        let (start, end) = principal.split_at(cut.min(principal.len()));
        let pattern = |text: &str| match kind {
            0 => Pattern::Exact(text.into()),
            1 => Pattern::Prefix(text.into()),
            2 => Pattern::Suffix(text.into()),
            _ => Pattern::Present,
        };
        for text in [&principal, start, end, &other, &format!("{start}{other}"), &format!("{other}{end}")] {
            let pattern = pattern(text);
            prop_assert_eq!(pattern.matches_principal(&identity), pattern.matches(&principal), "{:?}", pattern);
        }
    }
}
