//! What the mesh is made of: wire objects, read once, so that a value's type says what is known of it.

pub mod gateway;
pub mod pattern;
pub mod policy;
pub mod ports;
pub mod service;
pub mod settings;
pub mod workload;
