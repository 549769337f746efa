use karez_resources::policy::Pattern;

use super::{Reading, read};

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

#[test]
fn cluster_local_means_the_meshs_own_trust_domain() {
    let cases = [
        ("*", "*"),
        ("*/ns/shop/sa/web", "*/ns/shop/sa/web"),
        ("*web", "*web"),
        ("own.example/ns/shop/sa/web", "own.example/ns/shop/sa/web"),
        ("own.*", "own.*"),
        ("*.example/ns/shop/sa/web", "*.example/ns/shop/sa/web"),
        ("cluster.local/ns/shop/sa/web", "own.example/ns/shop/sa/web"),
        ("cluster.local/ns/shop/*", "own.example/ns/shop/*"),
        ("cluster.local/*", "own.example/*"),
        ("cluster.*", "own.example/*"),
        ("*.local/ns/shop/sa/web", "own.example/ns/shop/sa/web"),
    ];
    for (written, meant) in cases {
        assert_eq!(read(&pattern(written), "own.example"), Reading::Own(pattern(meant)), "{written}");
        // Where that is its name, everything means what it says.
        if !written.contains("example") && !written.starts_with("own") {
            let Reading::Own(meant) = read(&pattern(written), "cluster.local") else { panic!("{written}") };
            assert_eq!(meant, pattern(written));
        }
    }
}

#[test]
fn any_other_trust_domain_is_told() {
    let cases = [
        ("own.exmaple/ns/shop/sa/web", "own.exmaple", "own.example/ns/shop/sa/web"),
        ("own.exmaple/ns/shop/*", "own.exmaple", "own.example/ns/shop/*"),
        ("other*", "other", "own.example/*"),
        ("*.exmaple/ns/shop/sa/web", ".exmaple", "own.example/ns/shop/sa/web"),
    ];
    for (written, domain, as_own) in cases {
        let foreign = Reading::Foreign { domain: domain.to_owned(), as_own: pattern(as_own) };
        assert_eq!(read(&pattern(written), "own.example"), foreign, "{written}");
    }
}
