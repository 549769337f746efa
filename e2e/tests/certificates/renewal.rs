//! Certificates that live for seconds, and roots that change, under load.

use std::collections::HashSet;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::hbone::client::Tunnel;
use karez_e2e::hbone::pki::{Authority, Credential, Leaf};
use karez_e2e::hbone::tls;
use karez_e2e::peers::{self, Load};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::{access_log, sockets};
use karez_lab::{Process, Settings, wait};
use rustls::pki_types::CertificateDer;
use serde_json::Value;

/// How long certificates live: several lives fit into one test.
const LIFE: &str = "4s";
const LOAD: Duration = Duration::from_secs(16);

/// A shop whose certificates live for [`LIFE`], with long-lived and short connections in it.
struct Busy {
    shop: Shop,
    long: Load,
    short: Load,
    _server: Process,
}

impl Busy {
    fn open(name: &str) -> Result<Self> {
        let settings = Settings { leaf_lifetime: LIFE.to_owned(), ..Settings::default() };
        let shop = Shop::open_with(name, &[(8080, 8080)], settings)?;
        let server = peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?;
        let to = format!("{VIP}:8080");
        let seconds = LOAD.as_secs().to_string();
        let load = |kind, connections| {
            let words = [kind, to.as_str(), "--connections", connections, "--seconds", seconds.as_str()];
            peers::load(&shop.mesh, &shop.web, &words)
        };
        let (long, short) = (load("pingpong", "8")?, load("churn", "4")?);
        Ok(Self { shop, long, short, _server: server })
    }

    /// What the server shows to a client that `root` vouches for.
    fn shown(&self, root: &Authority) -> Result<CertificateDer<'static>> {
        let mut stream = tls::dial(self.dial()?, tls::client(Some(&self.credential(root)?))?)?;
        tls::is_served(&mut stream)?;
        tls::shown(&stream)
    }

    /// A tunnel of a client that `root` vouches for.
    fn tunnel(&self, root: &Authority) -> Result<Tunnel> {
        Tunnel::open(self.dial()?, &self.credential(root)?)
    }

    fn dial(&self) -> Result<TcpStream> {
        sockets::dial(self.shop.outside.namespace(), format!("{}:15008", self.shop.api.v4))
    }

    fn credential(&self, root: &Authority) -> Result<Credential> {
        root.issue(&Leaf::of(&self.shop.web.identity())?)
    }

    /// Waits for the end of the load, which must have been still going on, and checks that nothing went wrong in it.
    fn end(self) -> Result<()> {
        let Self { shop, mut long, mut short, .. } = self;
        long.ensure_running()?;
        short.ensure_running()?;
        for (kind, load) in [("long-lived connections", long), ("short connections", short)] {
            let found = load.finish(LOAD * 2).context(kind)?;
            ensure!(found.errors == 0 && found.units > 100, "{kind}: {found:?}");
        }
        let outside = [shop.outside.v4().to_string(), shop.outside.v6().to_string()];
        for node in ["n1", "n2"] {
            let lines = access_log::lines(&shop.mesh, node);
            let ours = lines.iter().filter(|line| {
                let source = line.text("src.addr");
                !outside.iter().any(|host| source.starts_with(host))
            });
            let failed: Vec<_> = ours.filter(|line| line.is_failure()).map(ToString::to_string).collect();
            ensure!(failed.is_empty(), "{} failed on {node}, the first: {:?}", failed.len(), failed.first());
        }
        Ok(())
    }
}

#[test]
fn certificates_that_live_seconds_are_renewed_under_load_without_an_error() -> Result<()> {
    const LIVES: usize = 5;
    let busy = Busy::open("renewal")?;
    let root = Authority::of(&busy.shop.mesh)?;
    let mut seen = HashSet::new();
    wait::until("certificates of several lives on the wire", LOAD, || {
        seen.insert(busy.shown(&root)?);
        ensure!(seen.len() >= LIVES, "{} so far", seen.len());
        Ok(())
    })?;
    let before = ends(&busy.shop.mesh.status()?);
    ensure!(before.len() == 2 && !before.contains(&Value::Null), "{before:?}");
    wait::until("the status to show the next certificates", LOAD, || {
        let after = ends(&busy.shop.mesh.status()?);
        ensure!(after.len() == 2 && before.iter().all(|end| !after.contains(end)), "{before:?} {after:?}");
        Ok(())
    })?;
    busy.end()
}

#[test]
fn the_root_is_rotated_under_load_without_an_error_and_the_old_one_is_gone() -> Result<()> {
    let busy = Busy::open("rotation")?;
    let mesh = &busy.shop.mesh;
    let before = roots(&mesh.status()?)?;
    ensure!(before.len() == 1, "{before:?}");
    let old = Authority::of(mesh)?;
    tls::ensure_signed(&busy.shown(&old)?, &old)?;

    let mut tunnel = busy.tunnel(&old)?;
    tunnel.ping()?;

    let answer = mesh.karez(&["ca", "rotate", "--wait=dropped", "--output", "json"])?;
    let after = roots(&mesh.status()?)?;
    ensure!(after == roots(&serde_json::from_str(&answer)?)?, "{after:?} and {answer}");
    ensure!(after.len() == 1 && after != before, "{before:?} became {after:?}");

    let new = Authority::of(mesh)?;
    let shown = busy.shown(&new)?;
    tls::ensure_signed(&shown, &new)?;
    ensure!(tls::ensure_signed(&shown, &old).is_err(), "the check cannot fail");
    ensure!(busy.shown(&old).is_err(), "a certificate of the old root is still good for something");
    let of_old = tunnel.connect(&format!("{}:8080", busy.shop.api.v4), &[]);
    ensure!(of_old.is_err(), "a tunnel of the old root still takes requests: {of_old:?}");
    let (status, _stream) = busy.tunnel(&new)?.connect(&format!("{}:8080", busy.shop.api.v4), &[])?;
    ensure!(status.is_success(), "the check cannot fail: {status}");
    busy.end()
}

/// When the certificate of each Pod ends.
pub(crate) fn ends(status: &Value) -> Vec<Value> {
    let pods = status.get("pods").and_then(Value::as_array).cloned().unwrap_or_default();
    pods.iter().filter_map(|pod| pod.get("certificateNotAfter").cloned()).collect()
}

/// Fingerprint and phase of each root.
fn roots(status: &Value) -> Result<Vec<(String, String)>> {
    let roots = status.get("roots").and_then(Value::as_array).context("no roots")?;
    let text = |root: &Value, key: &str| root.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(roots.iter().map(|root| (text(root, "fingerprint"), text(root, "phase"))).collect())
}
