//! A Service at the addresses by which it is reached from outside: within the mesh they are the Service's, by mTLS.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{self, PATIENCE};
use karez_e2e::{access_log, peers};
use karez_lab::wait;
use serde_json::json;

const SERVICE: &str = "api.shop.svc.cluster.local";
const EXTERNAL: &str = "203.0.113.11";

#[test]
fn a_load_balancers_address_and_an_external_one_are_the_services() -> Result<()> {
    let shop = Shop::open("outside", &[(80, 8080)])?;
    // Whoever took them for addresses of the world would be refused by the server's node.
    shop.mesh.manifests.namespace("shop", &[("karez.dev/mtls", "strict")])?;
    // The host outside stands for the load balancer, as a node does where nodes are (k3s).
    let balancer = shop.outside.v4().to_string();
    write_service(&shop, &balancer)?;
    let _server = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
    for address in [EXTERNAL, &balancer] {
        wait::until(&format!("{address} to be the Service's"), PATIENCE, || {
            let admitted = sockets::is_admitted(shop.web.namespace(), format!("{address}:80"))?;
            ensure!(admitted, "it was reset");
            Ok(())
        })?;
        let near = access_log::wait_for(&shop.mesh, "n1", "the client's line", |line| {
            line.text("direction") == "outbound" && !line.is_failure()
        })?;
        ensure!(
            near.text("dst.service") == SERVICE && near.text("dst.identity") == shop.api.identity(),
            "{near}"
        );
        let far = access_log::wait_for(&shop.mesh, "n2", "the server's line", |line| !line.is_failure())?;
        ensure!(far.text("src.identity") == shop.web.identity(), "{far}");
    }
    // Its other ports are its own.
    let at = SocketAddr::from((shop.outside.v4(), 9000));
    let listener = sockets::listen_at(shop.outside.namespace(), at)?;
    let client = sockets::dial(shop.web.namespace(), at.to_string())?;
    sockets::carries(&client, &listener.accept()?, "not for the Service")
}

fn write_service(shop: &Shop, balancer: &str) -> Result<()> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "api", "namespace": "shop"},
        "spec": {
            "type": "LoadBalancer", "selector": {"app": "api"}, "clusterIP": VIP, "externalIPs": [EXTERNAL],
            "ports": [{"port": 80, "targetPort": 8080}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": balancer, "ipMode": "VIP"}]}},
    });
    shop.mesh.manifests.write("service-shop-api.yaml", &service.to_string())
}
