//! The common parts of every long-running program.
//!
//! * [`settings`] – flags and their `KAREZ_` twins; an unknown one is an error
//! * [`duration`] – `10s`, `24h`, `1h30m`
//! * [`names`] – parses the names that flags take
//! * [`logs`] – the program's log, on stderr
//! * [`log_limit`] – limits log lines that others can cause
//! * [`lines`] – a bounded queue and a thread between writers of lines and a slow reader
//! * [`readiness`] – named conditions that must all hold
//! * [`http`] – a small server for metrics, readiness and dumps
//! * [`drain`], [`tasks`] – tells work to end, and waits for it
//! * [`signals`] – SIGTERM and SIGINT start the drain; a second one ends the process
//! * [`backoff`] – delays between attempts; pure
//! * [`limits`] – the limit of open files
//! * [`handshakes`] – limits clients that have not proven their identity yet
//! * `http2_tls` – TLS of servers that speak only HTTP/2 (feature `tls`)
//! * [`build`] – version and commit

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
