//! The operator's command, `karez`.
//!
//! * [`settings`] – subcommands and flags
//! * [`command`] – runs what was asked for
//! * [`pod`] – `karez pod`: asks the agent of this machine
//! * [`status`] – `karez status`: what the controller knows, and what is wrong with it
//! * [`check`] – `karez check`: what could break the mesh's promises on this machine, or keeps it from working on a cluster
//! * [`rotation`] – `karez ca rotate`
//! * [`dump`] – `karez dump`: the node proxy's configuration
//! * [`uninstall`] – `karez uninstall-nodes`: has every node's agent let its Pods go
//! * [`controller`] – the connection to the controller
//! * [`cluster`] – the mesh of a cluster, as a kubeconfig reaches it
//! * [`failure`] – exit statuses, and what to do next
//! * [`table`], [`times`], [`output`] – how things are shown

pub mod check;
pub mod cluster;
pub mod command;
pub mod controller;
pub mod dump;
pub mod failure;
pub mod output;
pub mod pod;
pub mod rotation;
pub mod settings;
pub mod status;
pub mod table;
pub mod times;
pub mod uninstall;

pub use command::run;
pub use failure::Failure;
pub use settings::Settings;
