//! A whole controller in this process, spoken to as node proxies and operators speak to it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod certificates;
mod discovery;
mod harness;
mod node_proxy;
mod operator;
mod rotation;
mod strangers;
