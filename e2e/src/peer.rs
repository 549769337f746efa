//! Small servers and load generators over plain TCP, for what no packaged program does: the program `karez-peer`.

pub mod latency;
pub mod load;
pub mod serve;
