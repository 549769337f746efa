//! The command as it is run: the real binary, a controller in this process, and an agent's socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod agent;
mod dump;
mod harness;
mod pod;
mod rotation;
mod status;
