//! Small servers and load generators for what no packaged program does: the program `karez-peer`.

pub mod grpc;
pub mod latency;
pub mod load;
pub mod serve;
