//! The demo: a small shop of ordinary programs on two nodes, told as a story of short scenes. The program `karez-demo`.
//!
//! * [`world`] – the shop, and the programs in it
//! * [`scene`] – what is shown, each scene with a check that can fail
//! * [`render`] – headings, tables and packets as text
//! * [`talk`] – who talked to whom, from the logs of a node proxy
//! * [`hints`] – what to try by hand
//! * [`handle`] – how another terminal finds a running demo

pub mod handle;
pub mod hints;
pub mod render;
pub mod scene;
pub mod talk;
pub mod world;
