use super::*;

fn compile(pattern: &str) -> Result<Expression, Reason> {
    Expressions::default().get(pattern)
}

#[test]
fn whole_values_match() {
    let table: [(&str, &[&str], &[&str]); 8] = [
        ("/a/[0-9]+", &["/a/1", "/a/42"], &["/a/", "/a/1/b", "/b/a/1"]),
        ("a|b", &["a", "b"], &["ab", "xa", "bx"]),
        ("", &[""], &["a"]),
        (".*", &["", "abc", "é"], &["a\nb"]),
        ("(?i)abc", &["ABC"], &["ABCD"]),
        ("(?m)a$", &["a"], &["a\nb"]),
        ("^a$", &["a"], &["ab"]),
        (r"\w+\d", &["a_1"], &["é1"]),
    ];
    for (pattern, matching, others) in table {
        let expression = compile(pattern).unwrap();
        for value in matching {
            assert!(expression.matches(value.as_bytes()), "{pattern} matches {value:?}");
        }
        for value in others {
            assert!(!expression.matches(value.as_bytes()), "{pattern} does not match {value:?}");
        }
    }
}

#[test]
fn what_does_not_compile() {
    for pattern in
        ["(", "a)|(b", "[z-a]", "a{2,1}", "(?=a)", r"\1", "(?x)a # b", "((a{1,100}){1,100}){1,100}"]
    {
        assert!(matches!(compile(pattern), Err(Reason::Expression { .. })), "{pattern}");
    }
}

#[test]
fn a_table_holds_so_many() {
    let mut expressions = Expressions::default();
    for n in 0..MOST_EXPRESSIONS {
        expressions.get(&format!("a{n}")).unwrap();
    }
    expressions.get("a0").unwrap();
    assert!(matches!(expressions.get("one more"), Err(Reason::TooManyExpressions { .. })));
}
