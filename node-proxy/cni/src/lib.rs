//! The chained CNI plugin. A container runtime runs it for each new Pod, behind the plugins that make the Pod's network and
//! before the Pod's first process: it asks the node's agent to capture the Pod, and waits until that is done.
//!
//! It knows little, holds no credential and has no say: the agent decides which Pods are in the mesh.
//!
//! | what | module |
//! | --- | --- |
//! | the runtime calls it with variables and a configuration | [`invocation`], [`configuration`] |
//! | it decides whether to ask the agent, and how long to wait | [`decision`] (pure) |
//! | … by what the agent keeps on disk | [`agent_file`] |
//! | it asks | [`agent`], [`message`] |
//! | it answers the runtime | [`plugin`], [`failure`] |
//!
//! The agent uses [`configuration`], [`agent_file`] and [`message`] from its side.

pub mod agent;
pub mod agent_file;
pub mod configuration;
pub mod decision;
pub mod failure;
pub mod invocation;
pub mod message;
pub mod plugin;

/// Name of the program, and the `type` of its entry in a network's configuration.
pub const NAME: &str = "karez-cni";
