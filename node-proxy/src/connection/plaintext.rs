//! Inbound connections without a tunnel: admitted like others, but without an identity.

use std::rc::Rc;

use karez_capture::original_destination;
use karez_hbone::admission::Admission;
use karez_hbone::describe;
use karez_hbone::socket::{self, canonical};
use karez_tunnel::copy::reset_when_closed;
use tokio::net::TcpStream;

use crate::connection::carry::{self, Direct, Ends, Far};
use crate::connection::inbound::{self, Joined};
use crate::dial;
use crate::pod::ConnectionSlot;
use crate::share::Share;

/// Serves one connection to 15006.
pub(crate) async fn serve(share: Rc<Share>, client: TcpStream, slot: ConnectionSlot) {
    socket::tune(&client);
    // Reset on refusal too: a FIN would look like an empty reply.
    reset_when_closed(&client);
    let Some(admission) = admission(&client) else { return };
    // The slot of the socket to the application.
    let own = match share.pod.take_slot() {
        Ok(own) => own,
        Err(refusal) => return share.worker.telemetry.open(describe::arriving(&admission)).finish(refusal),
    };
    let Ok(Joined { application, registration, ending }) =
        inbound::join(&share, &admission, dial::gave_up(&client)).await
    else {
        // The record is already finished.
        return;
    };
    let account = share.worker.accounts.of(admission.client.ip());
    let far = Far::Direct(Direct { socket: client, account, slot });
    let ends = Ends { near: application, far, registration, ending };
    carry::spawn(ends, share.worker.buffers.clone(), own);
}

fn admission(client: &TcpStream) -> Option<Admission> {
    // A client that is gone needs no answer.
    let peer = socket::peer(client).ok()?;
    let target = original_destination(client).map(canonical).or_else(|| socket::local(client).ok())?;
    Some(Admission { peer: None, client: peer, target, host: None })
}
