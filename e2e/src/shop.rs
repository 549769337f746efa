//! A small shop: what most tests need of a mesh.

use anyhow::Result;
use karez_lab::{Host, Mesh, Pod, Settings};

use crate::scratch::Scratch;

/// The Service in front of `shop/api`.
pub const VIP: &str = "10.96.0.10";
/// The same over IPv6.
pub const VIP6: &str = "fd96::10";

/// Two nodes, the client `shop/web` on `n1` and `shop/api` on `n2`, a Service in front of it, and a host outside.
#[derive(Debug)]
pub struct Shop {
    /// Controller, agents and node proxies.
    pub mesh: Mesh,
    /// The client.
    pub web: Pod,
    /// The server; nothing runs in it yet.
    pub api: Pod,
    /// Knows nothing of the mesh, and can reach every Pod.
    pub outside: Host,
    _scratch: Scratch,
}

impl Shop {
    /// Everything in the mesh; the Service has these `(port, target port)` pairs.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn open(name: &str, ports: &[(u16, u16)]) -> Result<Self> {
        Self::open_with(name, ports, Settings::default())
    }

    /// The same with other settings.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn open_with(name: &str, ports: &[(u16, u16)], settings: Settings) -> Result<Self> {
        let shop = Self::prepare(name, ports, settings)?;
        for pod in [&shop.web, &shop.api] {
            shop.mesh.enrol(pod)?;
        }
        shop.mesh.wait_in_sync()?;
        Ok(shop)
    }

    /// The same before any Pod is enrolled; its namespace is not in the mesh, so that plaintext is what is expected of it.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn outside_the_mesh(name: &str, ports: &[(u16, u16)]) -> Result<Self> {
        let shop = Self::prepare(name, ports, Settings::default())?;
        shop.mesh.manifests.namespace_outside("shop")?;
        shop.mesh.wait_in_sync()?;
        Ok(shop)
    }

    fn prepare(name: &str, ports: &[(u16, u16)], settings: Settings) -> Result<Self> {
        let scratch = Scratch::create(name)?;
        let mut mesh = Mesh::start(scratch.path(), &["n1", "n2"], settings)?;
        mesh.manifests.namespace("shop", &[])?;
        mesh.manifests.service("shop", "api", &[VIP, VIP6], ports)?;
        let web = mesh.pod("n1", "shop/web", "web")?;
        let api = mesh.pod("n2", "shop/api", "api")?;
        let outside = mesh.outside("outside")?;
        Ok(Self { mesh, web, api, outside, _scratch: scratch })
    }

    /// Where `port` of the server can be dialled from: the Service and the Pod, over IPv4 and IPv6.
    #[must_use]
    pub fn addresses(&self, port: u16) -> [String; 4] {
        let Pod { v4, v6, .. } = &self.api;
        [
            format!("{VIP}:{port}"),
            format!("[{VIP6}]:{port}"),
            format!("{v4}:{port}"),
            format!("[{v6}]:{port}"),
        ]
    }
}
