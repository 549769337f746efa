//! The CNI plugin `karez-cni`, from the agent's side: it is put on the node, told which Pods have to wait, and answered.
//!
//! * [`new_pods`] – answers it: captures a Pod that is about to start
//! * [`conflist`] – its entry in a network's configuration; pure
//! * [`installation`] – its files on the node
//! * [`keeper`] – keeps all that as it should be

pub mod conflist;
pub mod installation;
pub mod keeper;
pub mod new_pods;

pub use installation::Installation;
pub use keeper::PluginKeeper;
pub use new_pods::NewPods;
