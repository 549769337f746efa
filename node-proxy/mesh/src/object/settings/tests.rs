use super::*;
use crate::fixture::ip;

fn read(change: impl FnOnce(&mut wire::MeshSettings)) -> Result<Settings, Reason> {
    let mut settings = wire::MeshSettings::default();
    change(&mut settings);
    Settings::read(&settings)
}

#[test]
fn what_is_left_out_is_the_default() {
    // A controller that sends settings states a trust domain, even by an empty field.
    let stated_trust_domain = Some(DEFAULT_TRUST_DOMAIN.into());
    assert_eq!(read(|_| {}), Ok(Settings { stated_trust_domain, ..Settings::default() }));
}

#[test]
fn what_is_said_holds() {
    let settings = read(|settings| {
        settings.trust_domain = "example.org".to_owned();
        settings.cluster_domain = "Cluster.Example.".to_owned();
        settings.address_ranges = vec!["10.1.2.3/8".to_owned(), "fd00::/8".to_owned()];
        settings.same_node = wire::SameNode::Direct.into();
        settings.strict = true;
    })
    .unwrap();
    assert_eq!(settings.trust_domain(), "example.org");
    assert_eq!(&*settings.cluster_domain, "cluster.example");
    assert_eq!(settings.same_node, SameNode::Direct);
    assert_eq!(settings.mtls, Mtls::Strict);
    let inside =
        ["10.200.0.1", "fd12::1", "11.0.0.1", "2001:db8::1"].map(|text| settings.in_mesh_ranges(ip(text)));
    assert_eq!(inside, [true, true, false, false]);
}

#[test]
fn what_cannot_be_read() {
    let range = read(|settings| settings.address_ranges.push("10.0.0.0".to_owned()));
    assert_eq!(range, Err(Reason::Prefix { field: "address_ranges", text: "10.0.0.0".to_owned() }));
    let trust_domain = read(|settings| settings.trust_domain = "no domain".to_owned());
    assert!(matches!(trust_domain, Err(Reason::Identity(_))), "{trust_domain:?}");
    let same_node = read(|settings| settings.same_node = 7);
    assert_eq!(same_node, Err(Reason::UnknownValue { field: "same_node", value: 7 }));
}
