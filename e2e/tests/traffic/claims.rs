//! Addresses that two namespaces claim.

use anyhow::{Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{self, PATIENCE};
use karez_e2e::{access_log, peers};
use karez_lab::wait;
use serde_json::{Value, json};

const PORT: u16 = 8080;

/// Both objects are told of the claim, each with the other's name.
fn ensure_told(shop: &Shop, address: &str, objects: [[&str; 3]; 2]) -> Result<()> {
    wait::until("both objects to be told", PATIENCE, || {
        let status = shop.mesh.status()?;
        let problems = status.get("problems").and_then(Value::as_array).cloned().unwrap_or_default();
        let is_told = |[kind, namespace, name]: [&str; 3],
                       [rival_kind, rival_namespace, rival]: [&str; 3]| {
            problems.iter().any(|problem| {
                let is = |key: &str, wanted: &str| problem.get(key).and_then(Value::as_str) == Some(wanted);
                let message = problem.get("message").and_then(Value::as_str).unwrap_or_default();
                let told = format!("{rival_kind} {rival_namespace}/{rival} claims {address} too");
                is("kind", kind) && is("namespace", namespace) && is("name", name) && message.contains(&told)
            })
        };
        let [one, other] = objects;
        ensure!(is_told(one, other) && is_told(other, one), "{problems:?}");
        Ok(())
    })?;
    shop.mesh.wait_in_sync()
}

fn ensure_refused(shop: &Shop, address: &str) -> Result<()> {
    ensure!(
        !sockets::is_admitted(shop.web.namespace(), format!("{address}:{PORT}"))?,
        "{address} is admitted"
    );
    let said = format!("it is not certain whose {address} is");
    access_log::wait_for(&shop.mesh, "n1", &said, |line| line.text("error").contains(&said))?;
    Ok(())
}

#[test]
fn an_address_that_another_namespace_claims_is_refused_and_never_spoken_to_in_the_clear() -> Result<()> {
    let shop = Shop::open("claims", &[(PORT, PORT)])?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", &PORT.to_string()])?;
    let api = shop.api.v4.to_string();
    let manifests = &shop.mesh.manifests;

    manifests.service("aaa", "decoy", &[VIP], &[(PORT, PORT)])?;
    ensure_told(&shop, VIP, [["Service", "shop", "api"], ["Service", "aaa", "decoy"]])?;
    ensure_refused(&shop, VIP)?;

    manifests.service("aaa", "decoy", &[&api], &[(PORT, PORT)])?;
    ensure_told(&shop, &api, [["Pod", "shop", "api"], ["Service", "aaa", "decoy"]])?;
    ensure_refused(&shop, &api)?;

    manifests.remove("service-aaa-decoy.yaml")?;
    let decoy = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "decoy", "namespace": "aaa"},
        "status": {"podIP": api},
    });
    manifests.write("pod-aaa-decoy.yaml", &format!("{decoy}\n"))?;
    ensure_told(&shop, &api, [["Pod", "shop", "api"], ["Pod", "aaa", "decoy"]])?;
    ensure_refused(&shop, &api)?;
    // By its Service the Pod is reached all the same: there it proves who it is.
    sockets::echoes(&sockets::dial(shop.web.namespace(), format!("{VIP}:{PORT}"))?, "proven")?;

    manifests.remove("pod-aaa-decoy.yaml")?;
    shop.mesh.wait_in_sync()?;
    sockets::echoes(&sockets::dial(shop.web.namespace(), format!("{api}:{PORT}"))?, "given up")?;
    let plaintext =
        access_log::lines(&shop.mesh, "n2").into_iter().find(|line| line.text("src.identity").is_empty());
    ensure!(plaintext.is_none(), "{plaintext:?}");
    Ok(())
}
