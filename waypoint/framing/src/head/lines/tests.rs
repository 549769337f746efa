use super::*;

fn names(section: &str) -> Result<Vec<String>, Reason> {
    let mut names = Vec::new();
    for_each_line(section.as_bytes(), |line| {
        names.push(line.name.to_owned());
        Ok(())
    })?;
    Ok(names)
}

#[test]
fn every_line_is_judged_in_order() {
    assert_eq!(names("\r\n"), Ok(Vec::new()));
    assert_eq!(names("a: 1\r\nB:\r\na:2\r\n\r\n"), Ok(vec!["a".into(), "B".into(), "a".into()]));
    let many: String = (0..200).map(|index| format!("x{index}: y\r\n")).collect();
    assert_eq!(names(&format!("{many}\r\n")).unwrap().len(), 200);
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let table = [
        (" a: 1", Reason::Fold),
        ("a: 1\r2", Reason::BareCr),
        ("a: \u{b}", Reason::ControlByte),
        ("a\0: 1", Reason::ControlByte),
        ("a : 1", Reason::SpaceBeforeColon),
        ("a b: 1", Reason::HeaderName),
        ("a", Reason::HeaderName),
        (":", Reason::HeaderName),
        (" ", Reason::Fold),
    ];
    for (line, reason) in table {
        assert_eq!(names(&format!("x: y\r\n{line}\r\nz: y\r\n\r\n")), Err(reason), "{line:?}");
    }
    assert_eq!(names("a: b\r\n"), Err(Reason::HeaderName), "no empty line");
    assert_eq!(names("a: b\r\n\r\nc: d\r\n\r\n"), Err(Reason::HeaderName), "an empty line too early");
}

#[test]
fn names_resemble_each_other_without_case_and_dashes() {
    let table = [
        ("Content_Length", true),
        ("content-length", true),
        ("CONTENT_LENGTH", true),
        ("contentlength", false),
        ("content-lengths", false),
    ];
    for (name, expected) in table {
        assert_eq!(resembles(name, &http::header::CONTENT_LENGTH), expected, "{name}");
    }
}
