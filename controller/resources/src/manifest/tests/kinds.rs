//! Which kind an object is taken for.

use super::*;

#[test]
fn an_object_of_karez_s_group_is_taken_for_a_policy_whatever_its_kind() {
    let of = |kind: &str, metadata: &str| {
        subjects(&format!("apiVersion: karez.dev/v1alpha1\n{kind}\nmetadata: {metadata}\n"))
    };
    assert_eq!(of("kind: AuthorisationPolicy", "{name: web}"), guessed("default", "web"));
    assert_eq!(of("kin: AuthorizationPolicy", "{name: web}"), guessed("default", "web"));
    assert_eq!(of("kind: Mehs", "{name: default}"), guessed("default", "default"));
    assert_eq!(of("kind: Mehs", "{nam: default}"), guessed("default", "(unnamed)"));
}

#[test]
fn what_is_only_called_like_one_of_ours_does_not_stand_twice() {
    let service = |version: &str| {
        let spec = "{clusterIP: 10.96.0.1, ports: [{port: 80}]}";
        format!(
            "apiVersion: {version}\nkind: Service\nmetadata: {{name: web, namespace: shop}}\nspec: {spec}\n"
        )
    };
    let file = format!("{}---\n{}", service("v1"), service("serving.knative.dev/v1"));
    let readings = read(file.as_bytes());
    let [Reading::Good(_), Reading::Broken(broken)] = &readings[..] else { panic!("{readings:?}") };
    assert_eq!(broken.subject, Subject::Known(Key::new(Kind::Service, "shop", "web")));
}

#[test]
fn there_is_one_mesh_whatever_it_is_called() {
    let of = |metadata: &str, spec: &str| {
        subjects(&format!("apiVersion: karez.dev/v1alpha1\nkind: Mesh\nmetadata: {metadata}\nspec: {spec}\n"))
    };
    for metadata in
        ["{name: defaults}", "{name: D}", "{nam: default}", "{name: default, namespace: shop}", "null"]
    {
        assert_eq!(of(metadata, "{}"), presumed(Kind::Mesh, "", "default"), "{metadata}");
    }
    assert_eq!(of("{name: default}", "1"), known(Kind::Mesh, "", "default"));
}

#[test]
fn a_wrong_api_version_is_not_passed_over() {
    let of_version = |version: &str| {
        read(format!("{version}\nkind: AuthorizationPolicy\nmetadata: {{name: web}}\n").as_bytes())
    };
    for wrong in ["apiVersion: karez.dev/v1", "apiVersion: v1", "apiVersion: karez.de/v1alpha1", ""] {
        let readings = of_version(wrong);
        assert!(
            matches!(&readings[..], [Reading::Broken(broken)] if broken.problem.field == "apiVersion"),
            "{wrong}"
        );
    }
}

#[test]
fn what_another_mesh_says_is_told_to_have_no_effect() {
    let of = |kind: &str| {
        let text = format!("{kind}\nmetadata: {{name: web, namespace: shop}}\n");
        let readings = read(text.as_bytes());
        assert!(
            matches!(&readings[..], [Reading::Broken(broken)] if broken.problem.field == "apiVersion"),
            "{text}"
        );
        subjects(&text)
    };
    let foreign = vec![Subject::Foreign(Key::new(Kind::AuthorizationPolicy, "shop", "web"))];
    assert_eq!(of("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy"), foreign);
    assert_eq!(of("apiVersion: security.istio.io/v1\nkind: PeerAuthentication"), foreign);
    assert_eq!(of("apiVersion: policy.linkerd.io/v1alpha1\nkind: AuthorizationPolicy"), foreign);
}

#[test]
fn what_is_of_no_kind_of_a_group_that_is_read_is_not_passed_over() {
    let field = |text: &str| match &read(text.as_bytes())[..] {
        [Reading::Broken(broken)] if broken.subject == Subject::Unknown => broken.problem.field.clone(),
        other => panic!("{text}: {other:?}"),
    };
    for (text, wrong) in [
        ("apiVersion: v1\nkind: Namespac\nmetadata: {name: shop}\n", "kind"),
        ("apiVersion: v1\nkind: Status\nstatus: Failure\n", "kind"),
        ("apiVersion: v2\nkind: Namespac\nmetadata: {name: shop}\n", "kind"),
        ("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlic\nmetadata: {name: web}\n", "kind"),
        ("apiVersion: v1\nkind: Lisst\nitems: []\n", "kind"),
        ("apiVersion: example.com/v1\nkind: Lisst\nitems: []\n", "kind"),
        ("apiVersion: v1\nkind: List\nitms: []\n", "items"),
        ("apiVersion: v1\nkind: List\nitems:\n", "items"),
        ("apiVersion: v1\nkind: PodList\nitems: {}\n", "items"),
        ("null\n", "kind"),
        ("~", "kind"),
    ] {
        assert_eq!(field(text), wrong, "{text}");
    }
    for text in [
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n",
        "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: web}\n",
        "apiVersion: apps/v1\nkind: DeploymentList\nitems: [{metadata: {name: web}}]\n",
    ] {
        assert!(matches!(&read(text.as_bytes())[..], [Reading::Ignored(_)]), "{text}");
    }
}
