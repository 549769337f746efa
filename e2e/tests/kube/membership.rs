//! Pods that enter the mesh and leave it under load: no request fails.

use anyhow::Result;

use crate::load::{Connections, Load};
use crate::mesh;
use crate::namespace::Namespace;
use crate::workloads;

/// How often the label of a namespace changes that flaps.
const FLAPS: usize = 20;
/// Requests between two changes: somewhat more than a second.
const BETWEEN: usize = 30;
const SERVERS: [&str; 2] = ["near", "far"];
const CLIENTS: [&str; 2] = ["kept", "closed"];

#[test]
fn no_request_fails_while_pods_enter_the_mesh_and_leave_it() -> Result<()> {
    let shop = Shop::open("enter")?;
    let loads = shop.loads()?;
    for _ in 0..2 {
        mesh::enrol(&shop.servers, &SERVERS)?;
        wait_answered(&loads)?;
        mesh::release(&shop.servers, &SERVERS)?;
        wait_answered(&loads)?;
    }
    loads.into_iter().try_for_each(Load::stop)
}

#[test]
fn no_request_fails_while_a_label_flaps() -> Result<()> {
    let shop = Shop::open("flap")?;
    let loads = shop.loads()?;
    for flap in 0..FLAPS {
        mesh::label(&shop.servers, flap % 2 == 0)?;
        wait_answered(&loads)?;
    }
    mesh::wait_released(&shop.servers, &SERVERS)?;
    loads.into_iter().try_for_each(Load::stop)
}

/// Servers behind the Service `web`, and clients of it in another namespace, which is in the mesh; both on both nodes.
struct Shop {
    servers: Namespace,
    clients: Namespace,
}

impl Shop {
    fn open(name: &str) -> Result<Self> {
        let servers = Namespace::create(name)?;
        let clients = Namespace::create(&format!("{name}-clients"))?;
        servers.apply(&[
            workloads::server_of("web", "near", "n1"),
            workloads::server_of("web", "far", "n2"),
            workloads::client("inside", "n1"),
            workloads::service("web"),
        ])?;
        clients.apply(&[workloads::client("kept", "n1"), workloads::client("closed", "n2")])?;
        servers.wait_ready()?;
        clients.wait_ready()?;
        mesh::enrol(&clients, &CLIENTS)?;
        let shop = Self { servers, clients };
        shop.clients.curl("kept", &shop.url())?;
        Ok(shop)
    }

    fn url(&self) -> String {
        format!("http://web.{}", self.servers.name())
    }

    /// From both clients, and from one that enters the mesh and leaves it with the servers.
    fn loads(&self) -> Result<[Load<'_>; 3]> {
        let url = self.url();
        Ok([
            Load::start(&self.clients, "kept", &url, Connections::Kept)?,
            Load::start(&self.clients, "closed", &url, Connections::New)?,
            Load::start(&self.servers, "inside", &url, Connections::New)?,
        ])
    }
}

fn wait_answered(loads: &[Load<'_>]) -> Result<()> {
    loads.iter().try_for_each(|load| load.wait_answered(BETWEEN))
}
