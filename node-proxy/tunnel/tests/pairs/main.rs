//! Two endpoints against each other, in one process.

mod connect;
mod copy;
mod endpoints;
mod pool;
mod stalled;
