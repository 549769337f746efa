//! The demo: a small shop of ordinary programs on two nodes, told as a story of short scenes. The program `karez-demo`.
//!
//! * [`world`] – the shop, and the programs in it
//! * [`scene`] – what is shown, each scene with a check that can fail
//! * [`render`] – headings, tables and packets as text
//! * [`handle`] – how another terminal finds a running demo

pub mod handle;
pub mod render;
pub mod scene;
pub mod world;
