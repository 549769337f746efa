//! Urgent data (`MSG_OOB`), as telnet, FTP and Oracle Net send it: it arrives in line (RFC 6093).

use std::io::Read as _;
use std::net::TcpStream;

use anyhow::{Result, ensure};
use karez_e2e::sockets::carries;
use socket2::SockRef;

use crate::relays::on_every_relay;

#[test]
fn urgent_data_arrives_in_its_place() -> Result<()> {
    on_every_relay("urgent", |connect| {
        let (client, server) = connect()?;
        interrupts(&client, &server)?;
        interrupts(&server, &client)
    })
}

fn interrupts(from: &TcpStream, to: &TcpStream) -> Result<()> {
    // Karez does not pass on that it is urgent: if it did, the byte would be in line all the same.
    SockRef::from(to).set_out_of_band_inline(true)?;
    carries(from, to, "before")?;
    SockRef::from(from).send_out_of_band(b"!")?;
    let mut byte = [0];
    (&mut &*to).read_exact(&mut byte)?;
    ensure!(byte == *b"!", "{byte:?} came in the place of the urgent byte");
    carries(from, to, "after")
}
