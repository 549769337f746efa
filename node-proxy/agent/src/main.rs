//! Enrols Pods: the only privileged process.

fn main() {}
