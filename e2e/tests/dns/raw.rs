//! Messages that a test writes itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use anyhow::{Context as _, Result, ensure};
use karez_e2e::shop::{Shop, VIP};
use karez_e2e::sockets::PATIENCE;
use karez_lab::Namespace;

/// RFC 1035 section 3.2.2.
pub(crate) const A: u16 = 1;
const TXT: u16 = 16;

/// A query for a name's records of one type, recursion desired (RFC 1035 section 4.1).
pub(crate) fn query(id: u16, name: &str, kind: u16) -> Result<Vec<u8>> {
    let mut query = id.to_be_bytes().to_vec();
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        query.push(u8::try_from(label.len())?);
        query.extend(label.as_bytes());
    }
    query.push(0);
    query.extend([kind, 1].map(u16::to_be_bytes).concat());
    Ok(query)
}

/// A datagram socket in a namespace that does not wait for ever.
pub(crate) fn socket(namespace: &Namespace, ip: IpAddr, port: u16) -> Result<UdpSocket> {
    let socket = namespace.inside(|| UdpSocket::bind((ip, port)))??;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

#[test]
fn bytes_pass_unharmed_between_a_pod_and_the_server_that_it_asks() -> Result<()> {
    let shop = Shop::open("dns-bytes", &[(80, 8080)])?;
    let (host, mut buffer) = (&shop.outside, vec![0; 65535]);
    for (server, any) in [
        (IpAddr::from(host.v4()), IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        (host.v6().into(), Ipv6Addr::UNSPECIFIED.into()),
    ] {
        let asked = socket(host.namespace(), server, 53)?;
        let client = socket(shop.web.namespace(), any, 0)?;
        let server = SocketAddr::new(server, 53);
        // Behind the question stands what no program here can read.
        let mut message = query(7, "api.shop.svc.cluster.local", TXT)?;
        message.extend([0xff; 700]);
        client.send_to(&message, server)?;
        let (length, pod) = asked.recv_from(&mut buffer).context("the server was not asked")?;
        ensure!(buffer.get(..length) == Some(&message[..]), "{length} bytes of {} came", message.len());
        ensure!(shop.web.addresses().contains(&pod.ip()), "{pod} asked, not the Pod");

        message.extend([0xee; 2000]);
        asked.send_to(&message, pod)?;
        let (length, from) = client.recv_from(&mut buffer).context("no answer came")?;
        ensure!(buffer.get(..length) == Some(&message[..]), "{length} bytes of {} came", message.len());
        ensure!(from == server, "{from} answered, not {server}");
    }
    Ok(())
}

#[test]
fn an_answer_of_the_mesh_comes_from_the_server_that_was_asked() -> Result<()> {
    let shop = Shop::open("dns-answerer", &[(80, 8080)])?;
    let vip: Ipv4Addr = VIP.parse()?;
    let mut buffer = vec![0; 65535];
    // Nobody is at the first two, and at the others there is not even a machine.
    for (server, any) in [
        (IpAddr::from(shop.outside.v4()), IpAddr::from(Ipv4Addr::UNSPECIFIED)),
        (shop.outside.v6().into(), Ipv6Addr::UNSPECIFIED.into()),
        ("198.51.100.7".parse()?, Ipv4Addr::UNSPECIFIED.into()),
        ("2001:db8::53".parse()?, Ipv6Addr::UNSPECIFIED.into()),
    ] {
        let server = SocketAddr::new(server, 53);
        let client = socket(shop.web.namespace(), any, 0)?;
        client.send_to(&query(9, "api.shop", A)?, server)?;
        let (length, from) = client.recv_from(&mut buffer).with_context(|| format!("asking {server}"))?;
        ensure!(from == server, "{from} answered, not {server}");
        ensure!(buffer[..length].ends_with(&vip.octets()), "{:?}", &buffer[..length]);
    }
    Ok(())
}
