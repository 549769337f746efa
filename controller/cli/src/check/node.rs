//! Reads `/proc` and the Pods' network namespaces of this machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use karez_capture::netns::{NamespaceId, NetworkNamespace};
use karez_handover::enrol::PodStatus;

use super::process::{PodProcess, ProcessStatus, UserNamespace};
use super::{CheckedPod, PodNetwork};
use crate::failure::Failure;

const PROC: &str = "/proc";
const UNPRIVILEGED_PORTS: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
/// `ESRCH`: the process ended while its file was read.
const NO_SUCH_PROCESS: i32 = 3;

/// A process, and the namespaces that it is in.
struct Found {
    pid: u32,
    status: ProcessStatus,
    network: NamespaceId,
    users: NamespaceId,
}

/// Looks at each enrolled Pod.
///
/// # Errors
/// When `/proc` cannot be read.
pub(super) fn look(pods: &[PodStatus]) -> Result<Vec<CheckedPod>, Failure> {
    let failed = |error: io::Error| {
        Failure::Unreachable(format!("cannot read the processes of this machine: {error}; are you root?"))
    };
    let own = id(&Path::new(PROC).join("self/ns/user")).map_err(failed)?;
    let opened: Vec<_> = pods.iter().map(|pod| NetworkNamespace::open(&pod.netns)).collect();
    let wanted: Vec<_> = opened.iter().flatten().map(NetworkNamespace::id).collect();
    let found = processes(&wanted).map_err(failed)?;
    let look = |(pod, namespace): (&PodStatus, &Result<NetworkNamespace, _>)| CheckedPod {
        name: format!("{}/{}", pod.namespace, pod.name),
        uncaptured: uncaptured(pod),
        network: namespace.as_ref().map_err(ToString::to_string).and_then(|namespace| {
            let owner = namespace.owner().map_err(|error| error.to_string())?;
            let of_pod = found.iter().filter(|found| found.network == namespace.id());
            Ok(PodNetwork {
                unprivileged_ports: unprivileged_ports(namespace)?,
                processes: of_pod.map(|found| of_pod_process(found, own, owner)).collect(),
            })
        }),
    };
    Ok(pods.iter().zip(&opened).map(look).collect())
}

fn uncaptured(pod: &PodStatus) -> Option<String> {
    let problem = || pod.problem.clone().unwrap_or_else(|| "it has no rules".to_owned());
    (!pod.captured).then(problem)
}

fn of_pod_process(found: &Found, own: NamespaceId, owner: NamespaceId) -> PodProcess {
    let user_namespace = match found.users {
        users if users == own => UserNamespace::Node,
        users if users == owner => UserNamespace::PodOwner,
        _ => UserNamespace::Other,
    };
    PodProcess { pid: found.pid, status: found.status.clone(), user_namespace }
}

fn unprivileged_ports(namespace: &NetworkNamespace) -> Result<u16, String> {
    // The file shows the setting of the namespace that its reader is in.
    let read = namespace.run(|| fs::read_to_string(UNPRIVILEGED_PORTS)).map_err(|error| error.to_string())?;
    let text = read.map_err(|error| format!("cannot read {UNPRIVILEGED_PORTS}: {error}"))?;
    // A port may be 65536 here: no port is left to the unprivileged then.
    let start: u32 = text.trim().parse().map_err(|_| format!("{UNPRIVILEGED_PORTS} holds {text:?}"))?;
    Ok(u16::try_from(start).unwrap_or(u16::MAX))
}

/// The processes in the `wanted` network namespaces. Those that end meanwhile are left out.
fn processes(wanted: &[NamespaceId]) -> io::Result<Vec<Found>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(PROC)? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        match process(pid, &entry.path(), wanted) {
            Ok(process) => found.extend(process.map(|process| (pid, process))),
            Err(error) if has_ended(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found.into_values().collect())
}

fn process(pid: u32, folder: &Path, wanted: &[NamespaceId]) -> io::Result<Option<Found>> {
    let network = id(&folder.join("ns/net"))?;
    if !wanted.contains(&network) {
        return Ok(None);
    }
    let text = fs::read(folder.join("status"))?;
    let status = ProcessStatus::parse(&String::from_utf8_lossy(&text));
    let status = status.ok_or_else(|| {
        io::Error::new(ErrorKind::InvalidData, format!("{}/status lacks a line", folder.display()))
    })?;
    Ok(Some(Found { pid, status, network, users: id(&folder.join("ns/user"))? }))
}

fn has_ended(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS)
}

fn id(namespace: &Path) -> io::Result<NamespaceId> {
    let metadata = fs::metadata(namespace)?;
    Ok(NamespaceId { device: metadata.dev(), inode: metadata.ino() })
}
