//! Whatever files hold, what they translate to is whole: every resource decodes, and every problem has a file. Before random input, a
//! target is given the files of its folder below `__fuzz__`, if it has one.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test's helpers may fail")]

mod manifests;

use karez_api::names::type_url;
use karez_api::security::Authorization;
use karez_api::workload::Address;
use karez_translate::Index;
use prost::Message;

#[test]
fn any_file_translates() {
    bolero::check!().for_each(|file: &[u8]| {
        let mut index = Index::default();
        index.apply(manifests::deltas(&[("file.yaml", file)]));
        check(&index);
    });
}

#[test]
fn any_edits_of_manifests_translate() {
    const MANIFEST: &[u8] = include_bytes!("golden/shop/services.yaml");
    const POLICIES: &[u8] = include_bytes!("golden/policies/policies.yaml");
    bolero::check!().with_type::<Vec<(bool, u16, u8, Vec<u8>)>>().for_each(|edits| {
        let mut index = Index::default();
        for (policies, at, length, text) in edits.iter().take(4) {
            let base = if *policies { POLICIES } else { MANIFEST };
            let at = usize::from(*at) % base.len();
            let end = (at + usize::from(*length)).min(base.len());
            let file = [&base[..at], text, &base[end..]].concat();
            index.apply(manifests::deltas(&[("file.yaml", &file)]));
        }
        check(&index);
    });
}

fn check(index: &Index) {
    for (name, message) in &index.resources() {
        match name.type_url {
            type_url::ADDRESS => assert!(Address::decode(&message[..]).unwrap().r#type.is_some()),
            type_url::AUTHORIZATION => {
                let policy = Authorization::decode(&message[..]).unwrap();
                assert_eq!(*name.name, format!("{}/{}", policy.namespace, policy.name));
            }
            _ => {}
        }
    }
    assert!(index.problems().iter().all(|report| !report.source.is_empty()));
}
