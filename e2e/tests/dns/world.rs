//! A shop, and the DNS servers that its Pods ask.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use karez_e2e::shop::Shop;
use karez_lab::{Host, Mesh, Process, Settings, wait};

/// A name that the mesh has nothing to do with.
pub(crate) const ELSEWHERE: &str = "outside.example";
/// What a name has nothing of, at either server.
pub(crate) const NOWHERE: &str = "nothing.example";
/// A name with more TXT records than a datagram holds.
pub(crate) const BIG: &str = "big.example";
/// How many.
pub(crate) const BIG_RECORDS: usize = 40;

/// A shop, and two servers that give every name an address of their own.
#[derive(Debug)]
pub(crate) struct World {
    /// `shop/web` asks; `shop/api` has the Service.
    pub(crate) shop: Shop,
    /// Outside the mesh, as the cluster's own DNS is.
    pub(crate) servers: [Server; 2],
}

/// dnsmasq on a host of its own.
#[derive(Debug)]
pub(crate) struct Server {
    host: Host,
    dnsmasq: Process,
    number: u8,
}

impl World {
    /// Everything up; port 80 of the Service is the server's 8080.
    ///
    /// # Errors
    /// When it does not come up.
    pub(crate) fn open(name: &str) -> Result<Self> {
        Self::open_with(name, Settings::default())
    }

    /// The same with other settings.
    ///
    /// # Errors
    /// When it does not come up.
    pub(crate) fn open_with(name: &str, settings: Settings) -> Result<Self> {
        let mut shop = Shop::open_with(name, &[(80, 8080)], settings)?;
        let servers = [Server::start(&mut shop.mesh, 1)?, Server::start(&mut shop.mesh, 2)?];
        Ok(Self { shop, servers })
    }
}

impl Server {
    fn start(mesh: &mut Mesh, number: u8) -> Result<Self> {
        let host = mesh.outside(&format!("dns-{number}"))?;
        let mut command = host.namespace().command("dnsmasq");
        command.args(["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--log-queries"]);
        command.args(own(number).map(|address| format!("--address=/#/{address}")));
        command.arg(format!("--address=/{NOWHERE}/"));
        for name in [ELSEWHERE, "api.shop.svc.cluster.local"] {
            command.arg(format!("--txt-record={name},server {number}"));
            command.arg(format!("--srv-host=_http._tcp.{name},www.{name},8080,{number},2"));
            command.arg(format!("--mx-host={name},mail.{name},{number}"));
        }
        command.args((0..BIG_RECORDS).map(|line| {
            format!("--txt-record={BIG},line {line} of server {number}'s answer, which no datagram can hold")
        }));
        let mut dnsmasq = Process::start(host.name(), mesh.folder(), command)?;
        wait::until("dnsmasq to listen", Duration::from_secs(10), || {
            dnsmasq.ensure_running()?;
            let listening = host.namespace().run("ss", &["-Hlun", "sport = :53"])?;
            ensure!(!listening.trim().is_empty(), "nobody listens");
            Ok(())
        })?;
        Ok(Self { host, dnsmasq, number })
    }

    /// Where it can be asked.
    #[must_use]
    pub(crate) fn addresses(&self) -> [IpAddr; 2] {
        [self.host.v4().into(), self.host.v6().into()]
    }

    /// What it says that every name's A and AAAA are.
    #[must_use]
    pub(crate) fn own(&self) -> [String; 2] {
        own(self.number)
    }

    /// Who asked it for this name, as often as they did.
    #[must_use]
    pub(crate) fn clients(&self, name: &str) -> Vec<String> {
        let log = self.dnsmasq.log();
        let asked = format!(" {name} from ");
        let queries = log.lines().filter(|line| line.contains("query["));
        queries.filter_map(|line| Some(line.split_once(&asked)?.1.to_owned())).collect()
    }

    /// Checks that nobody has asked it for this name.
    ///
    /// # Errors
    /// When somebody has.
    pub(crate) fn ensure_unasked(&self, name: &str) -> Result<()> {
        let clients = self.clients(name);
        ensure!(clients.is_empty(), "server {} was asked for {name} by {clients:?}", self.number);
        Ok(())
    }
}

fn own(number: u8) -> [String; 2] {
    [format!("203.0.113.{number}"), format!("2001:db8::{number}")]
}
