//! The L4 data plane of a node.

fn main() {}
