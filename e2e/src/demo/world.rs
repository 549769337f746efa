//! The shop, and the programs in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use karez_lab::{Mesh, Pod, Process, Settings, wait};
use nix::mount::{MsFlags, mount};

use crate::demo::handle::Handle;
use crate::peers;
use crate::scratch::Scratch;

/// The two nodes.
pub const NODES: [&str; 2] = ["n1", "n2"];
/// Where the nginx of a Pod listens.
pub const HTTP: u16 = 8080;
/// Where an echo server stands beside it, for the figures.
pub const ECHO: u16 = 7000;
/// Address of the Service `catalog`.
pub const CATALOG: &str = "10.96.0.10";
/// What must not be seen on the wire.
pub const SECRET: &str = "price list: saffron 12, water 0";
/// The policy's file in the folder that the controller reads.
pub const POLICY_FILE: &str = "only-web.yaml";

const CART: &str = "10.96.0.20";
const WEB: &str = "10.96.0.30";
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
    /// The shop's front page on n1: nginx, which asks the catalog; and redis-cli.
    pub web: Pod,
    /// A customer on n1: curl.
    pub guest: Pod,
    /// nginx, on n2.
    pub catalog: Pod,
    /// Redis, on n2.
    pub cart: Pod,
    /// Not in the mesh: a client on n1, for comparison.
    pub plain: Pod,
    /// Not in the mesh: the same server as the catalog's, on n2.
    pub bare: Pod,
    programs: Vec<Process>,
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
        write_services(&mesh)?;
        let [first, second] = NODES;
        let mut world = Self {
            web: mesh.enrolled_pod(first, "shop/web", "web")?,
            guest: mesh.enrolled_pod(first, "shop/guest", "guest")?,
            catalog: mesh.enrolled_pod(second, "shop/catalog", "catalog")?,
            cart: mesh.enrolled_pod(second, "shop/cart", "cart")?,
            plain: mesh.pod(first, "outside/plain", "plain")?,
            bare: mesh.pod(second, "outside/bare", "bare")?,
            mesh,
            programs: Vec::new(),
            _scratch: scratch,
        };
        world.start_servers()?;
        world.mesh.wait_in_sync()?;
        world.start_front()?;
        world.wait_open()?;
        Handle::new(&world.mesh, &world.places()?)?.publish()?;
        Ok(world)
    }

    fn start_servers(&mut self) -> Result<()> {
        let mut programs = vec![peers::redis(&self.mesh, &self.cart)?];
        for pod in [&self.catalog, &self.bare] {
            let (nginx, root) = peers::nginx(&self.mesh, pod, HTTP)?;
            fs::write(root.join("prices"), format!("{SECRET}\n"))?;
            programs.extend([nginx, peers::peer(&self.mesh, pod, &["--echo", &ECHO.to_string()])?]);
        }
        self.programs.extend(programs);
        Ok(())
    }

    /// nginx looks its upstream up when it starts: the name must be known by then.
    fn start_front(&mut self) -> Result<()> {
        wait::until("the catalog's name to be known", KNOWN, || {
            self.web.namespace().run("getent", &["hosts", "catalog"])
        })?;
        let server = "location / { proxy_pass http://catalog; }";
        self.programs.push(peers::nginx_with(&self.mesh, &self.web, HTTP, server)?.0);
        Ok(())
    }

    /// Until the operator is told that all is well, and the shop answers.
    fn wait_open(&self) -> Result<()> {
        wait::until("the shop to answer", KNOWN, || {
            self.mesh.karez(&["status"])?;
            self.guest.namespace().run("curl", &["-sSf", "-m", "2", "http://web/prices"])?;
            self.web.namespace().run("redis-cli", &["-h", "cart", "ping"]).map(|_| ())
        })
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
}

fn write_services(mesh: &Mesh) -> Result<()> {
    mesh.manifests.namespace("shop", &[])?;
    mesh.manifests.namespace_outside("outside")?;
    mesh.manifests.service("shop", "catalog", &[CATALOG], &[(80, HTTP), (ECHO, ECHO)])?;
    mesh.manifests.service("shop", "cart", &[CART], &[(6379, 6379)])?;
    mesh.manifests.service("shop", "web", &[WEB], &[(80, HTTP)])
}

/// Gives the demo's programs a `resolv.conf` as the Pods of the namespace `shop` have one.
fn resolve_in_the_mesh() -> Result<()> {
    let file = PathBuf::from("/run/karez-demo-resolv.conf");
    let text = format!(
        "nameserver {NAMESERVER}\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    );
    fs::write(&file, text)?;
    let target = resolver_file()?;
    mount(Some(&file), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| format!("mounting a resolv.conf at {}", target.display()))
}

/// Where `/etc/resolv.conf` leads. What it leads to may be hidden by the demo's own `/run`: then there is an empty file.
fn resolver_file() -> Result<PathBuf> {
    let path = Path::new("/etc/resolv.conf");
    if let Ok(target) = fs::canonicalize(path) {
        return Ok(target);
    }
    let target = Path::new("/etc").join(fs::read_link(path).context("no /etc/resolv.conf")?);
    fs::create_dir_all(target.parent().unwrap_or(path))?;
    fs::File::create(&target).with_context(|| target.display().to_string())?;
    Ok(target)
}
