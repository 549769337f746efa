//! What is attacked: `shop/api` on its node, beside which `shop/web` goes on working.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::hbone::client::Tunnel;
use karez_e2e::hbone::pki::{Authority, Credential, Leaf};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::{metrics, peers, sockets};
use karez_lab::{Process, Settings};

/// Who attacks: nobody that the mesh has heard of, with a certificate that it must believe.
pub(crate) const MALLORY: &str = "spiffe://cluster.local/ns/shop/sa/mallory";
/// What round trips and short connections may take beside an attack, on a slow machine.
const FAST: Duration = Duration::from_millis(250);
/// What an attack may leave behind in the node proxy's memory.
const KEEPSAKE: u64 = 32 << 20;

pub(crate) struct Target {
    pub(crate) shop: Shop,
    pub(crate) mallory: Credential,
    _server: Process,
}

impl Target {
    /// An echo server on port 8080, and one on 7070 that says who asks.
    pub(crate) fn open(name: &str) -> Result<Self> {
        Self::open_with(name, Settings::default())
    }

    /// The same with other settings.
    pub(crate) fn open_with(name: &str, settings: Settings) -> Result<Self> {
        let shop = Shop::open_with(name, &[(8080, 8080)], settings)?;
        let server = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080", "--whoami", "7070"])?;
        let mallory = Authority::of(&shop.mesh)?.issue(&Leaf::of(MALLORY)?)?;
        Ok(Self { shop, mallory, _server: server })
    }

    /// A port of the Pod.
    pub(crate) fn at(&self, port: u16) -> String {
        format!("{}:{port}", self.shop.api.v4)
    }

    /// The attacker's connection to a port of the Pod.
    pub(crate) fn dial(&self, port: u16) -> Result<TcpStream> {
        sockets::dial(self.shop.outside.namespace(), self.at(port))
    }

    /// The attacker's tunnel to the Pod.
    pub(crate) fn tunnel(&self) -> Result<Tunnel> {
        Tunnel::open(self.dial(15008)?, &self.mallory)
    }

    /// Does something while others work, which must be neither broken nor slow, in at most `limit`; the node proxy must survive
    /// it and stay as small as it was.
    pub(crate) fn beside_others(
        &mut self,
        limit: Duration,
        attack: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<()> {
        let seconds = limit.as_secs().to_string();
        let to = format!("{VIP}:8080");
        let load = |kind| {
            let words = [kind, to.as_str(), "--connections", "2", "--seconds", seconds.as_str()];
            peers::load(&self.shop.mesh, &self.shop.web, &words)
        };
        let before = self.resident()?;
        let (mut old, mut new) = (load("pingpong")?, load("churn")?);
        attack(self)?;
        old.ensure_running().context("the attack took longer than the work beside it")?;
        new.ensure_running()?;
        for (what, load) in [("round trips", old), ("new connections", new)] {
            let found = load.finish(limit * 2)?;
            let p99 = found.latency.as_ref().context("no latency")?.p99_us;
            ensure!(found.errors == 0 && found.units > 100, "{what}: {found:?}");
            ensure!(Duration::from_secs_f64(p99 / 1e6) < FAST, "{what}: {found:?}");
        }
        let after = self.resident()?;
        ensure!(after < before + KEEPSAKE, "{before} bytes of memory became {after}");
        self.ensure_alive()
    }

    /// The node proxy is the one that it was, and carries.
    pub(crate) fn ensure_alive(&mut self) -> Result<()> {
        for node in ["n1", "n2"] {
            self.shop.mesh.proxy(node)?.as_mut().context("no node proxy")?.ensure_running()?;
        }
        sockets::echoes(&sockets::dial(self.shop.web.namespace(), format!("{VIP}:8080"))?, "still there")
    }

    /// What the node proxy counts.
    pub(crate) fn counts(&self, name: &str) -> Result<u64> {
        metrics::value(&self.shop.mesh, "n2", name)
    }

    fn resident(&self) -> Result<u64> {
        self.counts("process_resident_memory_bytes")
    }
}
