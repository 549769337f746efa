//! Tunnels are not tracked: there is nothing to translate in them.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use karez_capture::capture::Settings;
use karez_capture::sockets::{Family, Kind, Listening};
use karez_lab::wait;
use socket2::{Domain, Socket, Type};

use crate::lab::{Lab, PATIENCE, both_ways, canonical, ensure_dead, inside, patient};

/// Either mode of the mesh.
fn captured(name: &str, close_older: bool) -> Result<Lab> {
    let lab = Lab::open(&format!("{name}-{close_older}"))?;
    lab.install(&Settings { close_older, ..lab.settings() })?;
    Ok(lab)
}

/// A tunnel from the Pod, and one to it: the node proxy's end of each before the other's.
fn tunnels(lab: &Lab, family: Family) -> Result<[(TcpStream, TcpStream); 2]> {
    let far = lab.listen_outside(15008)?;
    let near = lab.stock(Kind::Outbound, family)?;
    near.connect(&SocketAddr::new(lab.outside_ip(family), 15008).into())?;
    let outbound = (near.into(), far.accept()?);
    let hbone = lab.proxy(Listening::Hbone, family)?;
    let client = lab.dial_from_outside((lab.pod_ip(family), 15008).into())?;
    Ok([outbound, (hbone.accept()?, client)])
}

fn tracked(lab: &Lab) -> Result<u32> {
    let count = lab.pod.namespace().run("cat", &["/proc/sys/net/netfilter/nf_conntrack_count"])?;
    Ok(count.trim().parse()?)
}

#[test]
fn neither_what_goes_nor_what_comes() -> Result<()> {
    for close_older in [false, true] {
        let lab = captured("untracked", close_older)?;
        for family in Family::ALL {
            for (near, far) in tunnels(&lab, family)? {
                both_ways(&near, &far, "frames")?;
            }
            ensure!(tracked(&lab)? == 0, "{} entries for {family:?}", tracked(&lab)?);
        }
        let proxy = lab.proxy(Listening::Outbound, Family::V4)?;
        let _application = lab.dial_from_pod((lab.outside_ip(Family::V4), 8080).into())?;
        let _captured = proxy.accept()?;
        ensure!(tracked(&lab)? == 1, "what is redirected is not tracked");
    }
    Ok(())
}

/// By the kernel, which has no socket with a mark to say it for.
#[test]
fn a_peer_whose_tunnel_is_gone_is_told() -> Result<()> {
    for close_older in [false, true] {
        let lab = captured("gone", close_older)?;
        for family in Family::ALL {
            for (near, mut far) in tunnels(&lab, family)? {
                both_ways(&near, &far, "frames")?;
                drop(near);
                wait::until("the kernel to refuse what comes", PATIENCE, || match far.write_all(b"more") {
                    Ok(()) => bail!("it was taken"),
                    Err(_) => Ok(()),
                })?;
            }
        }
    }
    Ok(())
}

/// Its end was lost on the way, and with its socket went the mark.
#[test]
fn a_peer_that_did_not_hear_of_the_end_is_told() -> Result<()> {
    for close_older in [false, true] {
        let lab = captured("unheard", close_older)?;
        for family in Family::ALL {
            for (near, far) in tunnels(&lab, family)? {
                both_ways(&near, &far, "frames")?;
                let rules = "add table inet deaf; add chain inet deaf in { type filter hook input priority 0; policy drop; }";
                lab.outside.namespace().run("nft", &[rules])?;
                let socket = Socket::from(near);
                socket.set_linger(Some(Duration::ZERO))?;
                drop(socket);
                lab.outside.namespace().run("nft", &["delete table inet deaf"])?;
                far.shutdown(Shutdown::Write)?;
                ensure_dead(&far)?;
            }
        }
    }
    Ok(())
}

#[test]
fn what_was_open_goes_on_through_every_change_of_rules() -> Result<()> {
    let lab = captured("changed", true)?;
    for family in Family::ALL {
        let open = tunnels(&lab, family)?;
        for close_older in [false, true, false] {
            lab.install(&Settings { close_older, ..lab.settings() })?;
            for (near, far) in &open {
                both_ways(near, far, "frames")?;
            }
        }
    }
    Ok(())
}

/// With the port of another's tunnels as its own.
#[test]
fn a_client_without_a_tunnel_is_captured_whatever_its_port() -> Result<()> {
    for close_older in [false, true] {
        let lab = captured("their-port", close_older)?;
        let application = lab.listen_in_pod(8080)?;
        for family in Family::ALL {
            let plaintext = lab.proxy(Listening::InboundPlaintext, family)?;
            let from = SocketAddr::new(lab.outside_ip(family), 15008);
            let client = dial_as(&lab, from, (lab.pod_ip(family), 8080).into())?;
            let captured = plaintext.accept()?;
            ensure!(canonical(captured.peer_addr()?) == from);
            both_ways(&client, &captured, "plaintext")?;
        }
        application.ensure_unvisited()?;
    }
    Ok(())
}

/// A process of the Pod with CAP_NET_RAW gets no further by the mark of tunnels and the port of tunnels.
#[test]
fn who_forges_one_is_refused() -> Result<()> {
    for close_older in [false, true] {
        let lab = captured("forged", close_older)?;
        let server = lab.listen_outside(15008)?;
        for family in Family::ALL {
            let to = SocketAddr::new(lab.outside_ip(family), 15008);
            let dialled = inside(lab.pod.namespace(), || {
                let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
                socket.set_mark(0x539)?;
                Ok(socket.connect_timeout(&to.into(), PATIENCE))
            })?;
            ensure!(dialled.is_err(), "the mark passed");
        }
        server.ensure_unvisited()?;

        // Nor does a captured connection leave by a mark that it takes on later.
        let proxy = lab.proxy(Listening::Outbound, Family::V4)?;
        let application = lab.dial_from_pod((lab.outside_ip(Family::V4), 15008).into())?;
        let captured = proxy.accept()?;
        let application = Socket::from(application);
        application.set_mark(0x539)?;
        both_ways(&application.into(), &captured, "by the proxy")?;

        // Who listens under the mark is not reached past the node proxy.
        let open = inside(lab.pod.namespace(), || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_mark(0x539)?;
            socket.bind(&SocketAddr::new(lab.pod_ip(Family::V4), 8080).into())?;
            socket.listen(1)?;
            Ok(socket)
        })?;
        let from = SocketAddr::new(lab.outside_ip(Family::V4), 15008);
        ensure!(dial_as(&lab, from, (lab.pod_ip(Family::V4), 8080).into()).is_err(), "it is reached");
        drop(open);
    }
    Ok(())
}

fn dial_as(lab: &Lab, from: SocketAddr, to: SocketAddr) -> Result<TcpStream> {
    inside(lab.outside.namespace(), || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&from.into())?;
        socket.connect_timeout(&to.into(), PATIENCE)?;
        Ok(patient(socket)?.into())
    })
}
