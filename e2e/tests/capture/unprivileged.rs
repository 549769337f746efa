//! The sockets in the hands of a process that could not have made them.

use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use karez_capture::seqpacket::{Address, Listener};
use karez_capture::sockets::{Backlog, Family, Kind, Listening, open_listener, open_stock};

use crate::lab::{Lab, PATIENCE, canonical};

/// Receives an Application, an Outbound, a DNS reply socket and a listener; uses them all; says what it found.
const NODE: &str = r#"
import os, socket, struct, sys
name, client, pod, outside = sys.argv[1:]
agent = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
agent.connect("\0" + name)
message, fds, _, _ = socket.recv_fds(agent, 64, 8)
assert message == b"four sockets", message
application, outbound, reply, listener = [socket.socket(fileno=fd) for fd in fds]
for s in (application, outbound, reply, listener):
    s.settimeout(5)
try:
    outbound.setsockopt(socket.SOL_SOCKET, 36, 0x111)
    sys.exit("it may set a mark of its own")
except PermissionError:
    pass
application.bind((client, 0))
application.connect((pod, 8080))
application.sendall(b"as the client")
outbound.connect((outside, 8080))
outbound.sendall(b"as the pod")
reply.bind((client, 0))
reply.sendto(b"as the server", (pod, 5353))
agent.send(b"dial now")
captured, peer = listener.accept()
original = captured.getsockopt(socket.SOL_IP, 80, 16)
port, address = struct.unpack("!2xH4s8x", original)
captured.sendall(f"{socket.inet_ntoa(address)}:{port}".encode())
captured.recv(1)
print(os.getuid(), [l.split()[1] for l in open("/proc/self/status") if l.startswith("CapEff")][0])
"#;

#[test]
fn descriptors_work_for_a_process_without_privileges() -> Result<()> {
    let lab = Lab::captured("unprivileged")?;
    let family = Family::V4;
    let (server, application) = (lab.listen_outside(8080)?, lab.listen_in_pod(8080)?);
    let name = format!("karez-test-unprivileged-{}", std::process::id());
    let agent = Listener::bind(&Address::Abstract(name.clone()))?;
    let [client, pod] = [lab.outside_ip(family), lab.pod_ip(family)];
    lab.privilege.leaves_out("that the node proxy has another uid than the agent")?;
    let words = lab.privilege.unprivileged(1337);
    let (program, arguments) = words.split_first().context("no words")?;
    let mut node = Command::new(program)
        .args(arguments)
        // Debian's own: a private one may be out of reach for another user.
        .args(["/usr/bin/python3", "-", &name])
        .args([client, pod, client].map(|address| address.to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    node.stdin.take().context("no standard input")?.write_all(NODE.as_bytes())?;
    let connection = karez_lab::wait::until("the node", PATIENCE, || Ok(agent.accept()?))?;

    let namespace = lab.namespace()?;
    let stock = |kind| open_stock(&namespace, kind, family, 1, Lab::mark());
    let mut sockets = [Kind::Application, Kind::Outbound, Kind::DnsReply].map(stock).into_iter();
    let mut descriptors = Vec::new();
    for opened in sockets.by_ref() {
        descriptors.extend(opened?);
    }
    descriptors.push(open_listener(&namespace, Listening::Outbound, family, Backlog::default())?);
    let resolver = crate::lab::inside(lab.pod.namespace(), || Ok(std::net::UdpSocket::bind((pod, 5353))?))?;
    resolver.set_read_timeout(Some(PATIENCE))?;
    let borrowed: Vec<_> = descriptors.iter().map(|descriptor| descriptor.as_fd()).collect();
    connection.send(b"four sockets", &borrowed)?;

    let served = application.accept()?;
    ensure!(canonical(served.peer_addr()?).ip() == client, "the application sees the client");
    ensure!(server.accept()?.peer_addr()?.ip().to_canonical() == pod, "the network sees the Pod");
    let mut answer = [0; 64];
    let (length, from) = resolver.recv_from(&mut answer)?;
    ensure!(&answer[..length] == b"as the server" && from == (client, 53).into(), "an answer from {from}");

    karez_lab::wait::until("the node to be done", PATIENCE, || {
        connection.receive(&mut [0; 64])?.context("the node is gone").map(drop)
    })?;
    let dialled = lab.dial_from_pod((client, 9999).into())?;
    let mut seen = vec![0; format!("{client}:9999").len()];
    std::io::Read::read_exact(&mut &dialled, &mut seen)?;
    ensure!(seen == format!("{client}:9999").into_bytes(), "the node saw {}", String::from_utf8_lossy(&seen));
    drop(dialled);
    let output = node.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && said.trim().ends_with(" 0000000000000000"), "{said}");
    Ok(())
}
