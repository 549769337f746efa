//! What the tests, the bench and the demo share.
//!
//! * [`access_log`] – what a node proxy writes of each connection
//! * [`mod@bench`] – what a node proxy costs, beside others, and a change of a big mesh: the program `karez-bench`
//! * [`dump`] – the configuration that a node proxy works with
//! * [`hbone`] – HBONE peers by hand, where the real ones are too honest
//! * [`demo`] – a shop on two nodes, told as a story: the program `karez-demo`
//! * [`metrics`] – what a node proxy counts
//! * [`peer`] – the small servers and load generators that no packaged program is: the program `karez-peer`
//! * [`peers`] – real, unmodified programs started in a Pod
//! * [`scratch`] – a folder that goes with the test
//! * [`shop`] – a small mesh with a client and a server
//! * [`sockets`] – a test's own sockets in a namespace

pub mod access_log;
pub mod bench;
pub mod demo;
pub mod dump;
pub mod hbone;
pub mod metrics;
pub mod peer;
pub mod peers;
pub mod scratch;
pub mod shop;
pub mod sockets;
