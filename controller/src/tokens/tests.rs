use super::*;

fn parse(text: &str) -> Tokens {
    Tokens::parse(text).unwrap()
}

fn presented(token: &str) -> Presented {
    Presented::of(token)
}

#[test]
fn tokens_belong_to_node_proxies_agents_and_operators() {
    let tokens = parse("# comment\n\n  aaa node node-1\nbbb\toperator  \r\nccc agent node-2.example\n");
    let caller = |token| tokens.caller(&presented(token)).cloned();
    assert_eq!(caller("aaa"), Some(Caller::NodeProxy { node: "node-1".into(), pod: None }));
    assert_eq!(caller("bbb"), Some(Caller::Operator { user: None }));
    assert_eq!(caller("ccc"), Some(Caller::Agent { node: "node-2.example".into(), pod: None }));
    for stranger in ["a", "aaaa", "AAA", "node-1", "#"] {
        assert_eq!(caller(stranger), None, "{stranger}");
    }
    assert_eq!(parse("").caller(&presented("aaa")), None);
}

#[test]
fn errors_name_the_line_and_never_the_token() {
    let long = format!("secret{} operator", "x".repeat(MAX_TOKEN));
    let cases: [(&str, usize, BadToken); 9] = [
        ("secret", 1, BadToken::Form),
        ("\nsecret admin", 2, BadToken::Form),
        ("secret operator extra", 1, BadToken::Form),
        ("secret node", 1, BadToken::Form),
        ("secret node a b", 1, BadToken::Form),
        ("secret node Node_1", 1, BadToken::NodeName),
        ("secret node a..b", 1, BadToken::NodeName),
        ("secret\u{e9} operator", 1, BadToken::NotPrintable),
        (&long, 1, BadToken::TooLong),
    ];
    for (text, line, problem) in cases {
        let error = Tokens::parse(text).unwrap_err();
        assert_eq!(error, BadLine { line, problem }, "{text:.40}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let twice = Tokens::parse("secret node a\n#\nsecret operator").unwrap_err();
    assert_eq!(twice, BadLine { line: 3, problem: BadToken::Repeated { first: 1 } });
}

#[test]
fn no_text_form_shows_a_token() {
    let shown = format!("{:?}", parse("secret node node-1\nsecret2 operator"));
    assert!(shown.contains("node-1"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn the_header_is_a_bearer_token() {
    let tokens = parse("aaa operator");
    let known =
        |value: &str| bearer_token(value).and_then(|token| tokens.caller(&presented(token))).is_some();
    assert!(known("Bearer aaa"));
    assert!(known("bearer  aaa "));
    for value in ["aaa", "Bearer", "Bearer ", "Basic aaa", "Beareraaa", ""] {
        assert!(!known(value), "{value:?}");
    }
}
