//! A process in the Pod that writes whole packets (packet(7)), with CAP_NET_RAW as Pods commonly have it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use karez_capture::sockets::{Family, Kind};

use crate::lab::{Lab, PATIENCE};

/// Sends packets past the Pod's IP stack: a datagram that shows that it can, then a SYN whole, a SYN in fragments of eight
/// bytes, one said to be of another protocol, one with a tag of 802.1Q, one under a guessed mark, and the first again.
const SEND: &str = r#"
import socket, struct, subprocess, sys
source, destination, gateway, six = sys.argv[1], sys.argv[2], sys.argv[3], ":" in sys.argv[2]
family = socket.AF_INET6 if six else socket.AF_INET
words = []
while "lladdr" not in words:
    socket.socket(family, socket.SOCK_DGRAM).sendto(b"", (gateway, 9))
    words = subprocess.run(["ip", "neigh", "show", gateway], capture_output=True, text=True).stdout.split()
mac = bytes.fromhex(words[words.index("lladdr") + 1].replace(":", ""))
pack = lambda address: socket.inet_pton(family, address)

def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

def summed(protocol, body, at):
    pseudo = pack(source) + pack(destination) + struct.pack("!IxxxB", len(body), protocol)
    return body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]

def packet(protocol, body, fragment=None):
    if six:
        if fragment is not None:
            body, protocol = struct.pack("!BBHI", protocol, 0, fragment[0] | fragment[1], 7) + body, 44
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + pack(source) + pack(destination) + body
    flags = 0 if fragment is None else fragment[0] >> 3 | (0x2000 if fragment[1] else 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, flags, 64, protocol, 0) + pack(source) + pack(destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

def send(*packets, mark=0):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 36, mark)
    for one in packets:
        try:
            s.sendto(one, ("eth0", 0x86dd if six else 0x0800, 0, 0, mac))
        except OSError:
            pass  # The hook says so to the sender.

# Said to be of a protocol of its own, with these bytes of a tag in front of the true one.
def send_frame(one, tag):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    try:
        s.sendto(mac + hardware() + tag + struct.pack("!H", 0x86dd if six else 0x0800) + one, ("eth0", 0x88b5))
    except OSError:
        pass

def hardware():
    words = subprocess.run(["ip", "link", "show", "eth0"], capture_output=True, text=True).stdout.split()
    return bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))

syn = lambda port: summed(6, struct.pack("!HHIIBBHHH", 4000, port, 1, 0, 5 << 4, 2, 1000, 0, 0), 16)
datagram = packet(17, summed(17, struct.pack("!HHHH", 4000, 9000, 8, 0), 6))
whole, cut = syn(9001), syn(9002)
send(datagram)
send(packet(6, whole))
send(*[packet(6, cut[at:at + 8], (at, at + 8 < len(cut))) for at in range(0, len(cut), 8)])
send_frame(packet(6, syn(9004)), b"")
send_frame(packet(6, syn(9005)), b"\x81\x00\x00\x00")
send(packet(6, syn(9003)), mark=0x12345539)
send(datagram)
"#;

/// Without it there is no SYN: it has the flags.
const SECOND_FRAGMENT: &str =
    "(ip proto 6 and ip[6:2] & 0x1fff = 1) or (ip6 proto 44 and ip6[42:2] & 0xfff8 = 8)";

#[test]
fn raw_packets_begin_no_connection() -> Result<()> {
    let lab = Lab::open("raw")?;
    for captured in [false, true] {
        if captured {
            let installed = lab.install(&lab.settings())?;
            ensure!(installed.unguarded().is_none(), "{:?}", installed.unguarded());
        }
        for family in Family::ALL {
            let wire = lab.wire()?;
            let (from, to) = (lab.pod_ip(family), lab.outside_ip(family));
            lab.pod.namespace().run(
                "/usr/bin/python3",
                &["-c", SEND, &from.to_string(), &to.to_string(), &gateway(&lab, family)?.to_string()],
            )?;
            let wire = wire.finish()?;
            ensure!(wire.count("udp dst port 9000")? == 2, "{family:?}: the test itself is at fault");
            for begins in ["tcp dst port 9001", "tcp dst portrange 9003-9004", "vlan", SECOND_FRAGMENT] {
                let found = wire.count(begins)?;
                ensure!((found == 0) == captured, "{family:?}, captured {captured}: {found} of {begins}");
            }
        }
    }
    Ok(())
}

fn gateway(lab: &Lab, family: Family) -> Result<IpAddr> {
    let version = if family == Family::V4 { "-4" } else { "-6" };
    let route = lab.pod.namespace().run("ip", &[version, "route", "show", "default"])?;
    let word = route.split_whitespace().nth(2).with_context(|| format!("no gateway in {route:?}"))?;
    Ok(word.parse()?)
}

/// Taps the devices for what bears the low bits of the mesh's mark (SKF_AD_MARK), and says what came while the mesh dialled.
const TAP: &str = r#"
import ctypes, select, socket, struct, sys
code = [(0x20, 0, 0, 0xfffff000 + 20), (0x54, 0, 0, 0xfff), (0x15, 1, 0, 0x539), (0x06, 0, 0, 0), (0x06, 0, 0, 0xffff)]
words = b"".join(struct.pack("HBBI", *one) for one in code)
buffer = ctypes.create_string_buffer(words)
taps = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) for _ in range(2)]
for tap, device in zip(taps, ("eth0", "lo")):
    tap.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", len(code), ctypes.addressof(buffer)))
    tap.bind((device, 3))
print("ready", flush=True)
sys.stdin.readline()
seen = select.select(taps, [], [], 0.3)[0]
print("saw", seen[0].recv(2000) if seen else "nothing")
"#;

#[test]
fn a_tap_does_not_see_the_mark() -> Result<()> {
    let lab = Lab::open("tapped")?;
    ensure!(
        tapped(&lab)? != "saw nothing",
        "the test itself is at fault: without the rules nothing hides the mark"
    );
    lab.install(&lab.settings())?;
    let saw = tapped(&lab)?;
    ensure!(saw == "saw nothing", "{saw}");
    Ok(())
}

/// What a tap in the Pod says that it saw of the mesh's mark while the mesh dialled, outside and the Pod itself.
fn tapped(lab: &Lab) -> Result<String> {
    let (server, application) = (lab.listen_outside(8080)?, lab.listen_in_pod(8080)?);
    let mut tap = lab.pod.namespace().command("/usr/bin/python3");
    let mut tap = tap.args(["-c", TAP]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut said = BufReader::new(tap.stdout.take().context("no output")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    for family in Family::ALL {
        for (address, listener) in [(lab.outside_ip(family), &server), (lab.pod_ip(family), &application)] {
            let socket = lab.stock(Kind::Outbound, family)?;
            socket.connect_timeout(&SocketAddr::new(address, 8080).into(), PATIENCE)?;
            listener.accept()?;
        }
    }
    tap.stdin.take().context("no input")?.write_all(b"\n")?;
    line.clear();
    said.read_line(&mut line)?;
    tap.wait()?;
    Ok(line.trim().to_owned())
}
