//! Watches resources, translates them, serves delta xDS and signs certificates.

fn main() {}
