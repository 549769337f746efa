//! Requests to the kernel over netlink, in the calling thread's network namespace.

use std::fmt::Debug;
use std::io;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_sys::{Socket, SocketAddr};

/// Most bytes that the kernel puts into one datagram of a dump.
const BUFFER: usize = 64 * 1024;

/// Makes the kernel execute a command. `flags` add to those of every request, for example `NLM_F_CREATE`.
pub(crate) fn command<M>(protocol: isize, message: M, flags: u16) -> io::Result<()>
where
    M: NetlinkSerializable + NetlinkDeserializable + Debug,
{
    let mut done = Ok(());
    exchange(protocol, message, flags | NLM_F_ACK, |payload: NetlinkPayload<M>| match payload {
        NetlinkPayload::Error(answer) => {
            if answer.code.is_some() {
                done = Err(answer.to_io());
            }
            Continue::No
        }
        NetlinkPayload::Done(_) => Continue::No,
        _ => Continue::Yes,
    })?;
    done
}

/// Asks the kernel for one item; None if the answer has none.
pub(crate) fn ask<M>(protocol: isize, message: M) -> io::Result<Option<M>>
where
    M: NetlinkSerializable + NetlinkDeserializable + Debug,
{
    let mut answer = Ok(None);
    exchange(protocol, message, 0, |payload| {
        match payload {
            NetlinkPayload::InnerMessage(item) => answer = Ok(Some(item)),
            NetlinkPayload::Error(error) => answer = Err(error.to_io()),
            _ => {}
        }
        Continue::No
    })?;
    answer
}

/// Makes the kernel list items, and passes each to `see`.
pub(crate) fn dump<M>(protocol: isize, message: M, mut see: impl FnMut(M)) -> io::Result<()>
where
    M: NetlinkSerializable + NetlinkDeserializable + Debug,
{
    let mut done = Ok(());
    exchange(protocol, message, NLM_F_DUMP, |payload| match payload {
        NetlinkPayload::InnerMessage(item) => {
            see(item);
            Continue::Yes
        }
        NetlinkPayload::Error(answer) if answer.code.is_some() => {
            done = Err(answer.to_io());
            Continue::No
        }
        NetlinkPayload::Done(_) | NetlinkPayload::Error(_) => Continue::No,
        _ => Continue::Yes,
    })?;
    done
}

enum Continue {
    Yes,
    No,
}

fn exchange<M>(
    protocol: isize,
    message: M,
    flags: u16,
    mut see: impl FnMut(NetlinkPayload<M>) -> Continue,
) -> io::Result<()>
where
    M: NetlinkSerializable + NetlinkDeserializable + Debug,
{
    let socket = Socket::new(protocol)?;
    // Port 0 is the kernel itself.
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&encode(message, flags), 0)?;
    loop {
        let mut received: Vec<u8> = Vec::with_capacity(BUFFER);
        socket.recv(&mut received, 0)?;
        let mut rest = received.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<M>::deserialize(rest)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            let length = aligned(message.header.length);
            if let Continue::No = see(message.payload) {
                return Ok(());
            }
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

fn encode<M: NetlinkSerializable>(message: M, flags: u16) -> Vec<u8> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// Messages start at multiples of `NLMSG_ALIGNTO`; none is shorter than its header.
fn aligned(length: u32) -> usize {
    const ALIGNMENT: usize = 4;
    const HEADER: usize = 16;
    usize::try_from(length).unwrap_or(usize::MAX - ALIGNMENT).next_multiple_of(ALIGNMENT).max(HEADER)
}
