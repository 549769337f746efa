//! What a node proxy costs, beside others, in one run on the same two nodes; and what a change of a big mesh costs.
//!
//! * [`case`] – what is measured
//! * [`side`] – direct, HAProxy, Karez, another proxy: who carries it
//! * [`peer`] – another proxy, as the command line names it
//! * [`usage`] – CPU time and memory of the processes on the path
//! * [`report`] – table, picture, JSON
//! * [`scale`] – simulated Pods and proxies around the real controller

pub mod case;
pub mod haproxy;
pub mod peer;
pub mod report;
pub mod scale;
pub mod side;
pub mod usage;
