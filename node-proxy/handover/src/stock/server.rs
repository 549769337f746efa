//! The agent's side: takes requests, returns sockets.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::channel::Channel;
use crate::packet::Packet;
use crate::stock::message::{Refusal, SocketReply, SocketRequest};

/// Opens sockets.
pub trait Source {
    /// Opens as many sockets as requested, or none.
    fn open(&self, request: &SocketRequest) -> impl Future<Output = Result<Vec<OwnedFd>, Refusal>> + Send;
}

/// Answers requests in order until the node proxy closes the connection.
///
/// # Errors
/// When the connection breaks, or a packet is no request.
pub async fn serve(channel: &Channel, source: &impl Source) -> io::Result<()> {
    while let Some(packet) = channel.receive().await? {
        let request = SocketRequest::decode(&packet.bytes, packet.descriptors.len())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let opened = answer(&request, source).await;
        let (refusal, sockets) = match opened {
            Ok(sockets) => (None, sockets),
            Err(refusal) => (Some(refusal), Vec::new()),
        };
        let reply = SocketReply { id: request.id, refusal };
        let descriptors = sockets.into_iter().map(Arc::new).collect();
        channel.send(&Packet { bytes: reply.encode(), descriptors }).await?;
    }
    Ok(())
}

async fn answer(request: &SocketRequest, source: &impl Source) -> Result<Vec<OwnedFd>, Refusal> {
    if request.count == 0 {
        return Err(Refusal::BadRequest("no sockets were asked for".to_owned()));
    }
    let sockets = source.open(request).await?;
    if sockets.len() == request.count {
        Ok(sockets)
    } else {
        Err(Refusal::Failed(format!("{} sockets were opened instead of {}", sockets.len(), request.count)))
    }
}
