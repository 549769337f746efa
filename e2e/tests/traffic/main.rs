//! Ordinary traffic: many connections, much data, every way to end, peers that stall, and whom the application sees.

mod bodies;
mod ends;
mod grpc;
mod pressure;
mod replicas;
mod retry;
mod short;
mod source;
mod stalled;
