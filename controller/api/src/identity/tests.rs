use super::{Found, Identity};

#[test]
fn reads_what_it_writes() {
    let identity = Identity::new("cluster.local", "shop", "web").unwrap();
    assert_eq!(identity.to_string(), "spiffe://cluster.local/ns/shop/sa/web");
    assert_eq!(identity.to_string().parse::<Identity>().unwrap(), identity);
    assert_eq!(identity.principal(), "cluster.local/ns/shop/sa/web");
}

#[test]
fn refuses_every_other_form() {
    for text in [
        "",
        "cluster.local/ns/shop/sa/web",
        "spiffe://cluster.local",
        "spiffe://cluster.local/ns/shop",
        "spiffe://cluster.local/ns/shop/sa/",
        "spiffe://cluster.local/ns//sa/web",
        "spiffe:///ns/shop/sa/web",
        "spiffe://cluster.local/ns/shop/sa/web/more",
        "spiffe://cluster.local/ns/../sa/web",
        "spiffe://cluster.local/ns/shop/sa/we%62",
        "spiffe://cluster.local/sa/web/ns/shop",
        "https://cluster.local/ns/shop/sa/web",
    ] {
        assert!(text.parse::<Identity>().is_err(), "{text}");
    }
}

#[test]
fn messages_name_who_was_found_and_that_nobody_was() {
    let identity = Identity::new("cluster.local", "shop", "web").unwrap();
    assert_eq!(Found(Some(&identity)).to_string(), "spiffe://cluster.local/ns/shop/sa/web");
    assert!(Found(None).to_string().starts_with("nobody"));
}
