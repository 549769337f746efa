//! What the tests, the bench and the demo share.
//!
//! * [`bench`] – what a node proxy costs, beside others: the program `karez-bench`
//! * [`peer`] – the small servers and load generators that speak plain TCP: the program `karez-peer`
//! * [`peers`] – real, unmodified programs started in a Pod
//! * [`scratch`] – a folder that goes with the test

pub mod bench;
pub mod peer;
pub mod peers;
pub mod scratch;
