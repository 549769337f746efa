//! Routing that others do in the Pod: VPNs, second networks, sockets bound to a device, containers behind the Pod.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use karez_capture::capture::{self, CaptureError, Integrity, verify};
use karez_capture::original_destination;
use karez_capture::routes::RouteError;
use karez_capture::sockets::{Family, Kind, Listening};
use karez_lab::Namespace;
use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

use crate::lab::{Lab, MOMENT, PATIENCE, both_ways, dial, inside};

/// A connection that the node proxy delivers under its client's address.
fn ensure_delivers(lab: &Lab) -> Result<()> {
    let application = lab.listen_in_pod(8080)?;
    for family in Family::ALL {
        let socket = lab.stock(Kind::Application, family)?;
        socket.bind(&SocketAddr::new(lab.outside_ip(family), 0).into())?;
        socket.connect_timeout(&SocketAddr::new(lab.pod_ip(family), 8080).into(), PATIENCE)?;
        both_ways(&socket.into(), &application.accept()?, "delivered")?;
    }
    Ok(())
}

/// What `wg-quick up` does for both families (Table=auto).
const VPN: &str = "ip link add wg0 type veth peer name wg1; ip link set wg1 up; ip addr add 10.13.0.2/24 dev wg0; ip addr add fd13::2/64 dev wg0; \
    ip link set wg0 up; for f in -4 -6; do ip $f route add default dev wg0 table 51820; \
    ip $f rule add not fwmark 51820 table 51820; ip $f rule add table main suppress_prefixlength 0; done";

#[test]
fn a_vpn_takes_nothing_from_the_mesh_before_or_after_it() -> Result<()> {
    for before in [true, false] {
        let lab = Lab::open(&format!("vpn-{before}"))?;
        if before {
            lab.pod.namespace().run("sh", &["-c", VPN])?;
        }
        let installed = lab.install(&lab.settings())?;
        if !before {
            lab.pod.namespace().run("sh", &["-c", VPN])?;
            ensure!(verify(&lab.namespace()?, &installed)? != Integrity::Intact, "nobody notices");
            capture::install(&lab.namespace()?, &lab.settings(), Some(&installed))?;
        }
        ensure_delivers(&lab)?;
        let rules = lab.pod.namespace().run("ip", &["rule"])?;
        let [own, vpn] = ["suppress_prefixlength 0", "lookup 51820"].map(|rule| rules.find(rule));
        ensure!(own.is_some() && own < vpn, "the VPN's rules have another order: {rules}");
    }
    Ok(())
}

#[test]
fn the_table_of_a_second_network_stays_its_own() -> Result<()> {
    let lab = Lab::open("sbr")?;
    let shell = |script: &str| lab.pod.namespace().run("sh", &["-c", script]);
    shell(
        "ip link add net1 type veth peer name net2; ip link set net2 up; ip addr add 10.200.0.2/24 dev net1; ip link set net1 up; \
         ip rule add from 10.200.0.2 table 100; ip route add default via 10.200.0.1 dev net1 table 100",
    )?;
    let routing = "ip rule; ip route show table 100";
    let before = shell(routing)?;
    lab.install(&lab.settings())?;
    ensure_delivers(&lab)?;
    ensure!(shell("ip route show table 100")?.trim() == "default via 10.200.0.1 dev net1");
    capture::remove(&lab.namespace()?)?;
    ensure!(shell(routing)? == before, "{}", shell(routing)?);
    Ok(())
}

#[test]
fn routing_that_takes_the_effect_away_is_named() -> Result<()> {
    let lab = Lab::open("overruled")?;
    let namespace = lab.namespace()?;
    let installed = lab.install(&lab.settings())?;
    lab.pod.namespace().run("ip", &["rule", "add", "pref", "0", "table", "main"])?;
    ensure!(verify(&namespace, &installed)? == Integrity::Changed(capture::Part::Routes));
    let error = capture::install(&namespace, &lab.settings(), Some(&installed)).unwrap_err();
    ensure!(matches!(error, CaptureError::Routes(RouteError::Overruled)), "{error}");
    lab.pod.namespace().run("ip", &["rule", "del", "pref", "0", "table", "main"])?;
    capture::remove(&namespace)?;

    lab.pod.namespace().run("ip", &["route", "add", "10.201.0.0/16", "dev", "eth0", "table", "15008"])?;
    let error = capture::install(&namespace, &lab.settings(), None).unwrap_err();
    ensure!(matches!(error, CaptureError::Routes(RouteError::TableTaken)), "{error}");
    Ok(())
}

/// It cannot be carried: `SO_BINDTODEVICE` keeps it from hearing what comes by loopback. It must not hang, either.
#[test]
fn a_socket_bound_to_a_device_is_refused_at_once() -> Result<()> {
    let lab = Lab::open("bound")?;
    let server = lab.listen_outside(8080)?;
    let bound = |family: Family| {
        let to = SocketAddr::new(lab.outside_ip(family), 8080);
        inside(lab.pod.namespace(), || {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
            socket.bind_device(Some(b"eth0"))?;
            let begun = Instant::now();
            let dialled = socket.connect_timeout(&to.into(), PATIENCE);
            let took = begun.elapsed();
            ensure!(took < MOMENT, "{family:?} hangs for {took:?}");
            Ok(dialled.map_err(|error| error.raw_os_error()))
        })
    };
    for family in Family::ALL {
        ensure!(bound(family)?.is_ok(), "the test itself is at fault");
        server.accept()?;
    }
    lab.install(&lab.settings())?;
    for family in Family::ALL {
        let dialled = bound(family)?;
        ensure!(dialled == Err(Some(Errno::ENETUNREACH as i32)), "{family:?}: {dialled:?}");
    }
    capture::leave(&lab.namespace()?, &lab.settings())?;
    for family in Family::ALL {
        ensure!(bound(family)?.is_ok(), "{family:?} is refused though the Pod leaves");
    }
    Ok(())
}

/// A container behind a bridge in the Pod, as dockerd makes it, with its port 8080 published as the Pod's port 2222.
fn container(lab: &Lab) -> Result<Namespace> {
    let inner = Namespace::create(lab.folder(), "inner")?;
    let path = inner.path().display().to_string();
    let script = format!(
        "ip link add docker0 type bridge && ip addr add 172.17.0.1/16 dev docker0 && ip link set docker0 up && \
         ip link add veth0 type veth peer name eth0 netns {path} && ip link set veth0 master docker0 && \
         ip link set veth0 up && echo 1 > /proc/sys/net/ipv4/ip_forward && nft -f - <<'END'\n\
         table ip dockernat {{\n\
         chain post {{ type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 oif != \"docker0\" masquerade\n }}\n\
         chain pre {{ type nat hook prerouting priority -100; iif \"eth0\" tcp dport 2222 dnat to 172.17.0.2:8080\n }}\n\
         }}\nEND"
    );
    lab.pod.namespace().run("sh", &["-c", &script])?;
    let addresses =
        "ip addr add 172.17.0.2/16 dev eth0 && ip link set eth0 up && ip route add default via 172.17.0.1";
    inner.run("sh", &["-c", addresses])?;
    Ok(inner)
}

#[test]
fn what_the_pod_forwards_goes_by_the_mesh_and_published_ports_work() -> Result<()> {
    let lab = Lab::open("nested")?;
    let inner = container(&lab)?;
    let strict = capture::Settings { close_older: true, ..lab.settings() };
    for settings in [lab.settings(), strict] {
        lab.install(&settings)?;
        let (outbound, dns) =
            (lab.proxy(Listening::Outbound, Family::V4)?, lab.proxy(Listening::DnsTcp, Family::V4)?);
        let outside = lab.outside_ip(Family::V4);
        // Nobody behind the Pod has tunnels.
        ensure!(dial(&inner, (outside, 15008).into()).is_err());
        for (port, proxy) in [(8080, &outbound), (53, &dns)] {
            let to = SocketAddr::new(outside, port);
            let client = dial(&inner, to).with_context(|| format!("port {port}"))?;
            let captured = proxy.accept()?;
            ensure!(original_destination(&captured) == Some(to));
            both_ways(&client, &captured, "by the mesh")?;
        }
        let published = inside(&inner, || Ok(std::net::TcpListener::bind("172.17.0.2:8080")?))?;
        let client = lab.dial_from_outside((lab.pod_ip(Family::V4), 2222).into())?;
        let (served, peer) = published.accept()?;
        ensure!(peer.ip() == outside, "{peer}");
        both_ways(&client, &served, "published")?;
        // Its queries by UDP pass.
        let server = inside(lab.outside.namespace(), || Ok(std::net::UdpSocket::bind((outside, 53))?))?;
        server.set_read_timeout(Some(PATIENCE))?;
        inside(&inner, || Ok(std::net::UdpSocket::bind("172.17.0.2:0")?.send_to(b"where", (outside, 53))?))?;
        let (_, from) = server.recv_from(&mut [0; 16])?;
        ensure!(from.ip() == lab.pod_ip(Family::V4), "{from}");
    }
    Ok(())
}
