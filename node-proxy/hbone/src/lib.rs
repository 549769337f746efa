//! What node proxy and waypoint share: tunnels under proven identities, and the connections in them.
//!
//! ```text
//! socket --accept--> tunnel and proof --requests--> CONNECT requests
//! plan::Tunnel --tunnels--> Stream, dialled by a Dialler
//! ```
//!
//! * [`member`] – who accepts and dials: a member of the mesh, with its certificate
//! * [`socket`] – options and addresses of the mesh's TCP connections
//! * [`accept`] – makes a tunnel of an accepted connection, whose client has proven an identity
//! * [`requests`] – serves a tunnel's requests until it must end
//! * [`tunnels`] – dialled tunnels, pooled by destination
//! * [`proof`] – how long a tunnel's two certificates are valid
//! * [`accounts`] – accounts of the bytes that peers leave unread
//! * [`admission`] – an inbound connection that asks for admission
//! * [`live`] – the register of open connections, which policies are asked about again
//! * [`describe`] – describes a connection's ends, for log, metrics and the headers of a CONNECT

pub mod accept;
pub mod accounts;
pub mod admission;
pub mod describe;
pub mod live;
pub mod member;
pub mod proof;
pub mod requests;
pub mod socket;
pub mod tunnels;
