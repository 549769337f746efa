//! Two endpoints against each other, in one process.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

mod bytes;
mod connect;
mod copy;
mod endpoints;
mod goaway;
mod pool;
mod stalled;
