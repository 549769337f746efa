use super::*;

const LISTED: &str = "table inet karez {\n\tcomment \"before 0 0 0 0 60\"\n\tchain outbound {\n\t\ttype nat hook output \
                      priority -100; policy accept;\n\t}\n}\n";

#[test]
fn the_note_is_found_in_a_listing() {
    assert_eq!(Listing(LISTED.to_owned()).note(), Some("before 0 0 0 0 60"));
    assert_eq!(Listing("table inet karez {\n}\n".to_owned()).note(), None);
}

#[test]
fn another_rule_is_another_digest() {
    let one = Listing(LISTED.to_owned());
    let other = Listing(LISTED.replace("-100", "-99"));
    assert_eq!(one.digest(), one.clone().digest());
    assert_ne!(one.digest(), other.digest());
}
