//! A whole controller in this process, spoken to as node proxies and operators speak to it.

mod certificates;
mod discovery;
mod harness;
mod operator;
mod rotation;
