//! Ordinary traffic: many connections, much data, every way to end, early answers, urgent data, peers that stall, which endpoint serves
//! at which address, and whom the application sees.

mod bodies;
mod claims;
mod configuration;
mod early;
mod endpoints;
mod ends;
mod families;
mod grpc;
mod outside;
mod pressure;
mod relays;
mod replicas;
mod retry;
mod short;
mod source;
mod stalled;
mod urgent;
