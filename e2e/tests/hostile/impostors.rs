//! Processes in a Pod that try to pass for the mesh, while the real agent and node proxy serve it.

use std::net::{IpAddr, SocketAddr, TcpStream};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::dump;
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::{self, PATIENCE};
use karez_lab::privilege::Privilege;
use karez_lab::wire::Wire;
use karez_lab::{Namespace, Pod, Settings};
use socket2::{Domain, Socket, Type};

use crate::target::Target;

const SECRET: &str = "not-for-the-wire-to-read";

/// Dials with a mark, sends, and says what came back.
const DIAL: &str = r#"
import socket, struct, sys
mark, host, port, secret = int(sys.argv[1], 0), sys.argv[2], int(sys.argv[3]), sys.argv[4].encode()
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
s.settimeout(2)
s.setsockopt(socket.SOL_SOCKET, 36, struct.pack("I", mark))
try:
    s.connect((host, port))
    s.sendall(secret)
    print(s.recv(100).decode())
except OSError as error:
    print("error:", error)
"#;

/// Tries to listen beside the mesh, in every way; says what it got.
const JOIN: &str = r#"
import itertools, socket, sys
ports = [(port, socket.SOCK_STREAM) for port in (15001, 15006, 15008, 15053)] + [(15053, socket.SOCK_DGRAM)]
options = [(), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,), (socket.SO_REUSEADDR, socket.SO_REUSEPORT)]
for (port, kind), host, chosen in itertools.product(ports, sys.argv[1:], options):
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    for option in chosen:
        s.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        s.bind((host, port))
        if kind == socket.SOCK_STREAM:
            s.listen(16)
        print("joined", port, kind, host, chosen)
    except OSError as error:
        print("error", error.errno)
"#;

#[test]
fn a_forged_mark_brings_nothing_past_the_proxy_in_the_clear() -> Result<()> {
    let mut target = Target::open("forged-marks")?;
    let shop = &mut target.shop;
    let plain = shop.mesh.pod("n1", "shop/plain", "plain")?;
    let hosts = [VIP.to_owned(), shop.api.v4.to_string(), shop.api.v6.to_string()];
    let dial = |from: &Pod, mark: &str, host: &str| {
        let wire = Wire::tap(shop.mesh.network.switch(), "n1", shop.mesh.folder(), "tcp")?;
        let said = python(shop.mesh.privilege(), from.namespace(), DIAL, &[mark, host, "8080", SECRET])?;
        anyhow::Ok((said, wire.finish()?.contains(SECRET.as_bytes())))
    };
    for host in &hosts {
        for mark in ["0x0", "0x539", "0x111", "0xabcde111"] {
            let (said, in_the_clear) = dial(&shop.web, mark, host)?;
            ensure!(!in_the_clear, "{mark} to {host} crossed the wire in the clear");
            let local = mark.ends_with("111");
            ensure!(
                said.trim() == SECRET || (local && said.starts_with("error:")),
                "{mark} to {host}: {said}"
            );
        }
    }
    let (_, in_the_clear) = dial(&plain, "0x539", &hosts[1])?;
    ensure!(in_the_clear, "the check cannot fail: the secret was not seen from a Pod outside the mesh");
    // A guess at the Pod's own mark, after which nothing of the Pod passes for a minute.
    let (said, in_the_clear) = dial(&shop.web, "0x1539", &hosts[1])?;
    ensure!(!in_the_clear && said.starts_with("error:"), "a guess: {said}, in the clear: {in_the_clear}");
    Ok(())
}

/// The addresses that Istio's node agents and, where it is told to, Karez's let past them: a stranger may know them.
const PROBES: [&str; 2] = ["169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"];

#[test]
fn the_address_of_probes_opens_nothing_to_strangers() -> Result<()> {
    let trusting = ["--probe-address".to_owned(), PROBES.join(",")].to_vec();
    for (name, agent_arguments, reaches) in [("probes", Vec::new(), false), ("probed", trusting, true)] {
        let target = Target::open_with(name, Settings { agent_arguments, ..Settings::default() })?;
        let Shop { mesh, api, outside, .. } = &target.shop;
        mesh.manifests.namespace("shop", &[("karez.dev/mtls", "strict")])?;
        dump::wait_for_policies(mesh, "n2", &["shop/karez-strict-mtls"])?;
        let ways: [IpAddr; 2] = [outside.v4().into(), outside.v6().into()];
        for ((probe, way), pod) in PROBES.iter().zip(ways).zip(api.addresses()) {
            outside.namespace().run("ip", &["addr", "add", probe, "dev", "lo"])?;
            mesh.node("n2")?
                .host()
                .namespace()
                .run("ip", &["route", "add", probe, "via", &way.to_string()])?;
            let echoed = echoes_from(outside.namespace(), probe.parse()?, SocketAddr::new(pod, 8080));
            ensure!(echoed.is_ok() == reaches, "{name}: plaintext from {probe} in strict mode: {echoed:?}");
        }
    }
    Ok(())
}

/// Dials from one of a namespace's addresses.
fn echoes_from(namespace: &Namespace, from: IpAddr, to: SocketAddr) -> Result<()> {
    let stream = namespace.inside(|| {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.connect_timeout(&to.into(), PATIENCE)?;
        Ok::<TcpStream, std::io::Error>(socket.into())
    })??;
    stream.set_read_timeout(Some(PATIENCE))?;
    sockets::echoes(&stream, "alive?")
}

#[test]
fn root_in_the_pod_joins_no_port_of_the_mesh() -> Result<()> {
    let target = Target::open("joining")?;
    let (api, web) = (&target.shop.api, &target.shop.web);
    for pod in [api, web] {
        let (v4, v6) = (pod.v4.to_string(), pod.v6.to_string());
        let mut words = vec!["-c", JOIN, "0.0.0.0", "::", "127.0.0.1", "::1"];
        words.extend([v4.as_str(), v6.as_str()]);
        let said = pod.namespace().run("python3", &words)?;
        let taken = format!("error {}", nix::errno::Errno::EADDRINUSE as i32);
        let other: Vec<_> = said.lines().filter(|line| *line != taken).collect();
        ensure!(other.is_empty() && !said.is_empty(), "in {}: {other:?}", pod.name);
    }
    for _ in 0..50 {
        sockets::echoes(&sockets::dial(web.namespace(), format!("{VIP}:8080"))?, "to the mesh")?;
        let mut tunnel = target.tunnel()?;
        let (status, mut stream) = tunnel.connect(&target.at(8080), &[])?;
        ensure!(status.is_success(), "{status}");
        stream.echoes("to the mesh")?;
    }
    Ok(())
}

/// Runs a script as a user who may use raw sockets, which is what Pods commonly may, and nothing else.
fn python(privilege: Privilege, namespace: &Namespace, script: &str, arguments: &[&str]) -> Result<String> {
    let mut words =
        vec!["--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw", "--bounding-set=-all,+net_raw"];
    if privilege == Privilege::Root {
        words.extend(["--reuid=4242", "--regid=4242", "--clear-groups"]);
    }
    // Debian's own: a private one may be out of reach for another user.
    words.extend(["/usr/bin/python3", "-c", script]);
    words.extend(arguments);
    namespace.run("setpriv", &words).context("the script")
}
