//! Tests with real peers, the bench and the demo.

fn main() {}
