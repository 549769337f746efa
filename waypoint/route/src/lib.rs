//! HTTP routing as a value: the routes of a Service, the rule of a request, and what that does.
//!
//! ```text
//! request-target --NormalPath--> RequestView --Table::select--> Rule --> filter, backend::choose
//! Routes of a port --Table::compile--> Table
//! ```
//!
//! * [`path`] – the normal form of a path, which is matched, judged and forwarded
//! * [`request`] – what routes see of a request
//! * [`route`] – routes, rules and conditions, as their owners write them
//! * [`table`] – [`Table`]: the routes of one port, indexed; finds the rule of a request
//! * [`filter`] – changes of headers, host names and paths; redirects, mirrors and CORS
//! * [`backend`] – chooses where a request goes
//!
//! Names and rules are those of Gateway API v1.
//!
//! Pure: nothing here awaits, logs, reads the clock, draws random numbers or opens anything. Nothing panics on any
//! input. Randomness is an argument.

pub mod backend;
pub mod filter;
pub mod path;
pub mod request;
pub mod route;
pub mod table;

pub use backend::Backend;
pub use filter::Filter;
pub use path::NormalPath;
pub use request::RequestView;
pub use route::{Route, RouteName, Rule};
pub use table::{Selected, Selection, Table};

mod chance;
mod field;
mod percent;
mod query;

#[cfg(test)]
mod fixture;
