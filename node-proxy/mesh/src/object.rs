//! The objects of the mesh. Wire objects are parsed once, and the types keep what parsing proved.

pub mod gateway;
pub mod pattern;
pub mod policy;
pub mod ports;
pub mod service;
pub mod settings;
pub mod workload;
