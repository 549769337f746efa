//! The DNS queries of Pods: who answers them, and with what.

mod dead;
mod dig;
mod forwarded;
mod headless;
mod names;
mod programs;
mod raw;
mod stopping;
mod world;
