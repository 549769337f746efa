//! What every long-running program does the same way.
//!
//! * [`settings`] – flags and their `KAREZ_` twins; what is unknown is an error
//! * [`duration`] – `10s`, `24h`, `1h30m`
//! * [`names`] – what flags name, read
//! * [`logs`] – the program's own log, on stderr
//! * [`log_limit`] – limits lines that others can cause
//! * [`lines`] – a bounded queue and a thread of its own between whoever writes lines and a slow reader
//! * [`readiness`] – named conditions, all of which must hold
//! * [`http`] – a small server for metrics, readiness and dumps
//! * [`drain`], [`tasks`] – how work is told to end, and who waits for it
//! * [`signals`] – SIGTERM and SIGINT start the drain; a second one ends the process
//! * [`backoff`] – pure
//! * [`limits`] – open files
//! * [`handshakes`] – bounds clients that have yet to prove who they are
//! * `http2_tls` – the TLS of servers that speak HTTP/2 alone (feature `tls`)
//! * [`build`] – which build this is

pub mod backoff;
pub mod build;
pub mod drain;
pub mod duration;
pub mod handshakes;
pub mod http;
#[cfg(feature = "tls")]
pub mod http2_tls;
pub mod limits;
pub mod lines;
pub mod log_limit;
pub mod logs;
pub mod names;
pub mod readiness;
pub mod settings;
pub mod signals;
pub mod tasks;
