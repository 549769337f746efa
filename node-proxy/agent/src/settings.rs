//! The agent's flags.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgAction, Parser};
use karez_handover::Address;
use karez_process::logs::LogSettings;

/// Enrols Pods of this node in the mesh: redirects their traffic and hands their sockets to the node proxy.
#[derive(Debug, Clone, Parser)]
#[command(name = "karez-agent")]
pub struct Settings {
    /// Where the node proxy connects; @NAME is an abstract socket in the agent's own network namespace. The stock of
    /// sockets is served beside it, under this name with -stock added.
    #[arg(long, default_value = "@karez-agent", value_name = "ADDRESS")]
    pub node_socket: Address,

    /// Unix HTTP socket on which Pods are enrolled and removed.
    #[arg(long, default_value = "/run/karez/agent.sock", value_name = "PATH")]
    pub enrol_socket: PathBuf,

    /// Where the enrolled Pods are kept over a restart of the agent. It has to be gone after a reboot, as the Pods are.
    #[arg(long, default_value = "/run/karez", value_name = "DIRECTORY")]
    pub state_dir: PathBuf,

    /// Uid that the node proxy runs as: nobody else is served. No other process of the node may have it: it would be given
    /// sockets in every enrolled Pod. The default is Istio's for its proxies.
    #[arg(long, default_value_t = 1337, value_name = "UID")]
    pub node_uid: u32,

    /// Uid that the sockets in Pods belong to, so that no process in a Pod can pass itself off as the mesh; none where
    /// no uid can be reserved.
    #[arg(long, default_value = "1506015", value_name = "UID")]
    pub socket_uid: SocketUid,

    /// Listeners of a kind and address family in a Pod: so many of the node proxy's workers accept its connections. Fixed
    /// when a Pod is enrolled.
    #[arg(long, default_value = "2", value_name = "NUMBER", value_parser = listeners)]
    pub listeners: NonZeroUsize,

    /// Feed a ztunnel by Istio's ZDS on this socket, in the place of Karez's node proxy.
    #[arg(long, value_name = "ADDRESS")]
    pub zds_socket: Option<Address>,

    /// Source addresses of kubelet's probes, which reach the application directly, in strict mode too. Only for a node that
    /// sends its probes from there and drops packets of others that carry such an address.
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub probe_address: Vec<IpAddr>,

    /// Whether Pods' DNS queries are captured.
    #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
    pub dns_capture: bool,

    /// Where Prometheus metrics and readiness are served, if anywhere.
    #[arg(long, value_name = "IP:PORT")]
    pub metrics_listen: Option<SocketAddr>,

    /// The log.
    #[command(flatten)]
    pub logs: LogSettings,
}

/// The reserved uid, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketUid(pub Option<u32>);

/// Why a text is no [`SocketUid`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a uid other than root's, or none")]
pub struct InvalidSocketUid;

impl FromStr for SocketUid {
    type Err = InvalidSocketUid;

    fn from_str(text: &str) -> Result<Self, InvalidSocketUid> {
        match text {
            "none" => Ok(Self(None)),
            // Root's sockets are anybody's who is root in a Pod, and u32::MAX is no uid.
            uid => match uid.parse() {
                Ok(0 | u32::MAX) | Err(_) => Err(InvalidSocketUid),
                Ok(uid) => Ok(Self(Some(uid))),
            },
        }
    }
}

const MOST_LISTENERS: usize = 32;

fn listeners(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok().filter(|number| number.get() <= MOST_LISTENERS);
    number.ok_or_else(|| format!("expected a number from 1 to {MOST_LISTENERS}"))
}

#[cfg(test)]
mod tests;
