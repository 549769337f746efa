//! The shop, and the programs in it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use karez_lab::{Mesh, Pod, Process, Settings, wait};
use nix::mount::{MsFlags, mount};

use crate::demo::handle::Handle;
use crate::peers;
use crate::scratch::Scratch;

/// The two nodes.
pub const NODES: [&str; 2] = ["n1", "n2"];
/// Where the catalog's nginx listens.
pub const HTTP: u16 = 8080;
/// Where an echo server stands beside it, for the figures.
pub const ECHO: u16 = 7000;
/// What must not be seen on the wire.
pub const SECRET: &str = "price list: saffron 12, water 0";

/// So short that certificates are renewed while the demo is watched.
const LEAF_LIFETIME: &str = "16s";
/// Nobody is there: names of the mesh are answered before a query gets that far.
const NAMESERVER: &str = "10.96.0.2";
/// How long names of new Services may take to be known.
const KNOWN: Duration = Duration::from_secs(10);

/// Two nodes, with a shop on them.
#[derive(Debug)]
pub struct World {
    /// Controller, agents and node proxies.
    pub mesh: Mesh,
    /// A client that may do everything: curl and redis-cli, on n1.
    pub web: Pod,
    /// A client that is a guest: curl, on n1.
    pub guest: Pod,
    /// nginx, on n2.
    pub catalog: Pod,
    /// Not in the mesh: a client on n1, for comparison.
    pub plain: Pod,
    /// Not in the mesh: the same server as the catalog's, on n2.
    pub bare: Pod,
    /// Redis, on n2.
    pub cart: Pod,
    _programs: Vec<Process>,
    _scratch: Scratch,
}

impl World {
    /// Starts everything, and waits until it is in the mesh.
    ///
    /// # Errors
    /// When something does not come up.
    pub fn open() -> Result<Self> {
        let scratch = Scratch::create("demo")?;
        resolve_in_the_mesh()?;
        let settings = Settings { leaf_lifetime: LEAF_LIFETIME.to_owned(), ..Settings::default() };
        let mut mesh = Mesh::start(scratch.path(), &NODES, settings)?;
        mesh.manifests.namespace("shop", &[])?;
        mesh.manifests.namespace_outside("outside")?;
        mesh.manifests.service("shop", "catalog", &["10.96.0.10"], &[(80, HTTP), (ECHO, ECHO)])?;
        mesh.manifests.service("shop", "cart", &["10.96.0.20"], &[(6379, 6379)])?;
        let [first, second] = NODES;
        let web = mesh.enrolled_pod(first, "shop/web", "web")?;
        let guest = mesh.enrolled_pod(first, "shop/guest", "guest")?;
        let catalog = mesh.enrolled_pod(second, "shop/catalog", "catalog")?;
        let cart = mesh.enrolled_pod(second, "shop/cart", "cart")?;
        let plain = mesh.pod(first, "outside/plain", "plain")?;
        let bare = mesh.pod(second, "outside/bare", "bare")?;
        let mut programs = vec![peers::redis(&mesh, &cart)?];
        for pod in [&catalog, &bare] {
            let (nginx, root) = peers::nginx(&mesh, pod, HTTP)?;
            fs::write(root.join("prices"), format!("{SECRET}\n"))?;
            programs.extend([nginx, peers::peer(&mesh, pod, &["--echo", &ECHO.to_string()])?]);
        }
        mesh.wait_in_sync()?;
        let world =
            Self { mesh, web, guest, catalog, plain, bare, cart, _programs: programs, _scratch: scratch };
        world.wait_known()?;
        Handle::new(&world.mesh, &world.places()?)?.publish()?;
        Ok(world)
    }

    fn places(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut places: Vec<_> = [&self.web, &self.guest, &self.catalog, &self.cart, &self.plain, &self.bare]
            .map(|pod| (pod.reference(), pod.namespace().path().to_owned()))
            .into();
        for node in NODES {
            places.push((node.to_owned(), self.mesh.node(node)?.host().namespace().path().to_owned()));
        }
        Ok(places)
    }

    /// Until the operator is told that all is well, and the shop answers.
    fn wait_known(&self) -> Result<()> {
        wait::until("the shop to answer", KNOWN, || {
            self.mesh.karez(&["status"])?;
            self.web.namespace().run("curl", &["-sSf", "-m", "2", "http://catalog/prices"])?;
            self.web.namespace().run("redis-cli", &["-h", "cart", "ping"]).map(|_| ())
        })
    }
}

/// Gives the demo's programs a `resolv.conf` as the Pods of the namespace `shop` have one.
fn resolve_in_the_mesh() -> Result<()> {
    let file = PathBuf::from("/run/karez-demo-resolv.conf");
    let text = format!(
        "nameserver {NAMESERVER}\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    );
    fs::write(&file, text)?;
    // A link is followed: where it leads may not be there inside the demo's own /run.
    let target = fs::canonicalize("/etc/resolv.conf").unwrap_or_else(|_| PathBuf::from("/etc/resolv.conf"));
    mount(Some(&file), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| format!("mounting a resolv.conf at {}", target.display()))
}
