use super::*;

const ARGUMENTS: &str =
    "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u1";

fn read(variables: &[(&str, &str)]) -> Result<Invocation, Failure> {
    Invocation::read(|name| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    })
}

fn add(arguments: &str) -> Result<Invocation, Failure> {
    read(&[("CNI_COMMAND", "ADD"), ("CNI_ARGS", arguments), ("CNI_NETNS", "/run/netns/cni-1")])
}

#[test]
fn a_new_pod_is_told_by_the_runtimes_arguments() {
    let pod = NewPod {
        namespace: "shop".to_owned(),
        name: "web-0".to_owned(),
        uid: Some("u1".to_owned()),
        netns: "/run/netns/cni-1".into(),
    };
    assert_eq!(add(ARGUMENTS).unwrap(), Invocation::Add(pod.clone()));
    let older_runtime = "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;K8S_POD_UID=";
    assert_eq!(add(older_runtime).unwrap(), Invocation::Add(NewPod { uid: None, ..pod }));
}

#[test]
fn what_is_missing_is_said() {
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[], "CNI_COMMAND"),
        (&[("CNI_COMMAND", "MOVE")], "MOVE"),
        (&[("CNI_COMMAND", "ADD"), ("CNI_ARGS", ARGUMENTS)], "CNI_NETNS"),
        (
            &[("CNI_COMMAND", "ADD"), ("CNI_ARGS", "K8S_POD_NAME=web"), ("CNI_NETNS", "/n")],
            "K8S_POD_NAMESPACE",
        ),
    ];
    for (variables, missing) in cases {
        let failure = read(variables).unwrap_err();
        assert_eq!(failure.code, Code::Environment, "{variables:?}");
        assert!(failure.message.contains(missing), "{}", failure.message);
    }
}

#[test]
fn a_container_that_is_no_pods_is_told_apart() {
    for arguments in ["", "IgnoreUnknown=1", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME="] {
        assert_eq!(add(arguments).unwrap(), Invocation::AddForeign, "{arguments}");
    }
    assert_eq!(read(&[("CNI_COMMAND", "ADD")]).unwrap(), Invocation::AddForeign);
}

#[test]
fn removal_needs_nothing_at_all() {
    for command in ["DEL", "CHECK", "GC", "STATUS"] {
        assert_eq!(read(&[("CNI_COMMAND", command)]).unwrap(), Invocation::Nothing);
    }
    assert_eq!(read(&[("CNI_COMMAND", "VERSION")]).unwrap(), Invocation::Version);
}
