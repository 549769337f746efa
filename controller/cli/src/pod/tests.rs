use super::*;

fn pod(captured: bool, carried_by: &[&str], problem: Option<&str>) -> PodStatus {
    PodStatus {
        uid: "1".to_owned(),
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        service_account: "web".to_owned(),
        netns: "/run/netns/web".into(),
        addresses: vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()],
        captured,
        carried_by: carried_by.iter().map(ToString::to_string).collect(),
        problem: problem.map(str::to_owned),
    }
}

#[test]
fn a_pod_says_whether_it_is_captured_and_by_whom_it_is_carried() {
    let cases = [
        (pod(true, &["karez-node"], None), "is captured; carried by karez-node\n", true),
        (pod(true, &[], None), "is captured; no node proxy carries its traffic yet", true),
        (
            pod(false, &[], Some("no nft")),
            "is not captured; no node proxy carries its traffic yet: its connections wait; no nft\n",
            false,
        ),
    ];
    for (pod, expected, well) in cases {
        assert!(described(&pod).contains(expected), "{}", described(&pod));
        assert_eq!(is_well(&pod), well);
    }
}

#[test]
fn the_list_is_a_table() {
    let shown = table(&[pod(true, &["a", "b"], None)]);
    let row: Vec<&str> = shown.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row, ["shop/web", "web", "10.0.0.1,fd00::1", "yes", "a,b", "/run/netns/web", "-"]);
}

#[test]
fn what_an_enrolment_has_changed_comes_first() {
    let enrolment =
        Enrolment { pod: pod(true, &["karez-node"], None), changed: vec!["it is other".to_owned()] };
    assert_eq!(told(&enrolment), "shop/web: it is other\nshop/web is captured; carried by karez-node\n");
}

#[test]
fn a_path_is_taken_from_where_the_operator_is() {
    let here = std::env::current_dir().unwrap();
    let cases = [
        ("/run/netns/web", Path::new("/run/netns/web").to_owned()),
        ("netns/web", here.join("netns/web")),
        ("./web", here.join("web")),
    ];
    for (path, expected) in cases {
        assert_eq!(absolute(Path::new(path)).unwrap(), expected);
    }
    let Err(Failure::Wrong(message)) = absolute(Path::new("")) else { panic!("an empty path") };
    assert!(message.starts_with("--netns \"\" is no path"), "{message}");
}
