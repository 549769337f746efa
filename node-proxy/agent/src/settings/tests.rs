use clap::error::ErrorKind;

use super::*;

fn parse(arguments: &[&str]) -> Result<Settings, ErrorKind> {
    let arguments = ["karez-agent"].iter().chain(arguments);
    Settings::try_parse_from(arguments).map_err(|error| error.kind())
}

#[test]
fn what_it_does_unless_told_otherwise() {
    let settings = parse(&[]).unwrap();
    assert_eq!(settings.node_socket, Address::Abstract("karez-agent".to_owned()));
    assert_eq!(settings.node_uid, 1337);
    assert!(settings.probe_addresses().is_empty(), "an address that nobody guards opens strict mode");
    assert!(settings.dns_capture && settings.zds_socket.is_none() && settings.metrics_listen.is_none());
}

#[test]
fn values_that_are_understood() {
    let settings = parse(&["--dns-capture", "false", "--probe-address", "10.0.0.1,fd00::1"]).unwrap();
    assert_eq!(settings.probe_addresses().len(), 2);
    assert!(!settings.dns_capture);
}

#[test]
fn on_kubernetes_the_agent_has_probe_addresses_of_its_own() {
    assert_eq!(parse(&["--node", "n1"]).unwrap().probe_addresses(), PROBE_ADDRESSES);
    let both = parse(&["--node", "n1", "--probe-address", "10.0.0.1"]);
    assert_eq!(
        both.unwrap_err(),
        ErrorKind::ArgumentConflict,
        "the node would drop all that comes from there"
    );
}

#[test]
fn values_that_are_refused() {
    for arguments in [["--node-uid", "nobody"], ["--probe-address", "node"]] {
        assert_eq!(parse(&arguments).unwrap_err(), ErrorKind::ValueValidation, "{arguments:?}");
    }
}

#[test]
fn on_kubernetes_it_is_told_all_or_nothing() {
    assert!(parse(&[]).unwrap().cluster.controller().unwrap().is_none());
    let all = ["--node=n1", "--controller=https://c:15012", "--controller-ca=root.pem", "--token-file=token"];
    let controller = parse(&all).unwrap().cluster.controller().unwrap().unwrap();
    assert_eq!((controller.node.as_str(), controller.url.as_str()), ("n1", "https://c:15012"));
    for left_out in 0..all.len() {
        let some: Vec<_> = all.iter().copied().enumerate().filter(|(at, _)| *at != left_out).collect();
        let some: Vec<_> = some.into_iter().map(|(_, argument)| argument).collect();
        assert_eq!(parse(&some).unwrap().cluster.controller().unwrap_err(), IncompleteSettings, "{some:?}");
    }
    let ztunnel = all.iter().copied().chain(["--zds-socket=/z"]).collect::<Vec<_>>();
    assert_eq!(parse(&ztunnel).unwrap_err(), ErrorKind::ArgumentConflict);
}

#[test]
fn pods_of_the_clusters_own_namespaces_and_of_karezs_never_wait() {
    let flags = ["--node=n1", "--namespace=mesh", "--cni-conf-dir=/conf", "--cni-bin-dir=/bin"];
    let installation = parse(&flags).unwrap().cni_installation().unwrap();
    assert_eq!(installation.exempt.iter().collect::<Vec<_>>(), ["kube-node-lease", "kube-system", "mesh"]);
    assert!(parse(&[]).unwrap().cni_installation().is_none());
}
