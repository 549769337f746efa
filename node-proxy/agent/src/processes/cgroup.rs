//! The Pod in a process's cgroups. Pure.
//!
//! kubelet names a Pod's cgroup by its uid, in one of two ways (its option `cgroupDriver`):
//!
//! | driver | cgroup |
//! | --- | --- |
//! | `cgroupfs` | `/kubepods/burstable/podUID/CONTAINER` |
//! | `systemd` | `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice/cri-NAME.scope` |
//!
//! systemd's has underscores for dashes. A static Pod's uid is a hash without dashes. Seen from another cgroup namespace a
//! path begins with `/..`, and may lack what comes before the Pod.

/// The uid of the Pod that a process belongs to, by the text of its `/proc/PID/cgroup`: `None` for one of the node.
///
/// The outermost name counts, because what runs in a Pod may name cgroups below its own.
pub(super) fn pod_uid(cgroups: &str) -> Option<String> {
    let paths = cgroups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.filter_map(|path| path.split('/').find_map(uid_in)).next()
}

fn uid_in(segment: &str) -> Option<String> {
    let uid = match segment.strip_suffix(".slice") {
        Some(slice) => slice.rsplit_once("pod")?.1.replace('_', "-"),
        None => segment.strip_prefix("pod")?.to_owned(),
    };
    is_uid(&uid).then_some(uid)
}

/// A UUID, or a static Pod's hash.
fn is_uid(text: &str) -> bool {
    const UUID: usize = 36;
    const HASH: usize = 32;
    let dashes = text.bytes().filter(|byte| *byte == b'-').count();
    matches!((text.len(), dashes), (UUID, 4) | (HASH, 0))
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests;
