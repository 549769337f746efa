use super::*;

#[test]
fn the_least_that_a_pod_needs() {
    let text = r#"{"namespace": "shop", "name": "web", "netns": "/run/netns/web"}"#;
    let pod: PodRequest = serde_json::from_str(text).unwrap();
    let expected = PodRequest {
        uid: None,
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        service_account: "default".to_owned(),
        netns: "/run/netns/web".into(),
        addresses: Vec::new(),
    };
    assert_eq!(pod, expected);
}

#[test]
fn all_that_a_pod_can_have() {
    let text = r#"{"uid":"u1","namespace":"shop","name":"web","serviceAccount":"front","netns":"/run/netns/web","addresses":["10.0.0.1","fd00::1"]}"#;
    let pod: PodRequest = serde_json::from_str(text).unwrap();
    assert_eq!(pod.service_account, "front");
    assert_eq!(serde_json::to_string(&pod).unwrap(), text);
}

#[test]
fn a_misspelt_field_is_an_error_that_names_it() {
    let text = r#"{"namespace": "shop", "name": "web", "netns": "/x", "serviceaccount": "front"}"#;
    let error = serde_json::from_str::<PodRequest>(text).unwrap_err().to_string();
    assert!(error.contains("serviceaccount"), "{error}");
}

#[test]
fn no_problem_is_not_written() {
    assert_eq!(serde_json::to_string(&Removal::default()).unwrap(), "{}");
    let removal: Removal = serde_json::from_str("{}").unwrap();
    assert_eq!(removal, Removal::default());
}

#[test]
fn an_enrolment_is_the_status_and_what_has_changed() {
    let status = r#"{"uid":"u1","namespace":"shop","name":"web","serviceAccount":"front","netns":"/web","addresses":[],"captured":true,"carriedBy":[]"#;
    for (end, changed) in
        [("}", vec![]), (r#","changed":["service account"]}"#, vec!["service account".to_owned()])]
    {
        let text = format!("{status}{end}");
        let enrolment: Enrolment = serde_json::from_str(&text).unwrap();
        assert_eq!((enrolment.pod.captured, &enrolment.changed), (true, &changed));
        assert_eq!(serde_json::to_string(&enrolment).unwrap(), text);
    }
}
