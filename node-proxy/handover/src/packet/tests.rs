use super::*;

#[test]
fn a_list_in_parts() {
    let cases: [(usize, &[(usize, bool)]); 5] = [
        (0, &[(0, false)]),
        (2, &[(2, false)]),
        (3, &[(3, false)]),
        (4, &[(3, true), (1, false)]),
        (7, &[(3, true), (3, true), (1, false)]),
    ];
    for (length, expected) in cases {
        let list = vec![(); length];
        let found: Vec<_> = parts(&list, 3).map(|(part, more)| (part.len(), more)).collect();
        assert_eq!(found, expected, "{length}");
    }
}
