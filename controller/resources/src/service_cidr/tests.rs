use serde_json::json;

use super::*;

#[test]
fn each_family_has_its_range() {
    let read = |cidrs: &[&str]| {
        let object = json!({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": cidrs}});
        ServiceCidr::try_from(serde_json::from_value::<k8s::ServiceCIDR>(object).unwrap())
    };
    let both = ["10.96.0.0/16", "fd00:1::/108"];
    assert_eq!(read(&both).unwrap().ranges.iter().map(ToString::to_string).collect::<Vec<_>>(), both);
    assert_eq!(read(&["10.96.0.0/16", "x"]).unwrap_err().field, "spec.cidrs[1]");
}
