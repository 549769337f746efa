//! HTTP routing as a value.
//!
//! * [`path`] – the normal form of a path, which is matched and forwarded
//!
//! Pure: nothing here awaits, logs, reads the clock, draws random numbers or opens anything. Nothing panics on any
//! input. Randomness is an argument.

pub mod path;

pub use path::NormalPath;

mod percent;
