//! Addresses that one connection has tried, and those that are left.

use std::net::IpAddr;
use std::sync::Arc;

use crate::object::workload::Workload;

/// Workloads that are tried for one connection.
const MOST_WORKLOADS: usize = 4;

/// The failed attempts for one connection. They are bounded: four workloads, and one address of each family.
#[derive(Debug, Clone)]
pub struct Attempts {
    tried: Vec<Tried>,
}

#[derive(Debug, Clone)]
struct Tried {
    workload: Arc<str>,
    left: Left,
}

/// What is left of a workload to try.
#[derive(Debug, Clone)]
enum Left {
    /// Every address but these.
    AllBut(Vec<IpAddr>),
    Nothing,
}

impl Attempts {
    /// Nothing was tried yet.
    pub const NONE: Self = Self { tried: Vec::new() };

    /// The workload's address refused, so its address of the other family comes next: an application may listen on that one
    /// alone. The client does not try it, since RFC 8305 needs a failed connect and the node proxy has accepted.
    pub fn refused_at(&mut self, workload: &Arc<str>, address: IpAddr) {
        match self.tried.iter_mut().find(|tried| tried.workload == *workload) {
            Some(Tried { left: Left::AllBut(addresses), .. }) => addresses.push(address),
            Some(Tried { left: Left::Nothing, .. }) => {}
            None => {
                let left = Left::AllBut(vec![address]);
                self.tried.push(Tried { workload: Arc::clone(workload), left });
            }
        }
    }

    /// The workload failed as a whole: its other address would, too.
    pub fn failed(&mut self, workload: &Arc<str>) {
        self.tried.retain(|tried| tried.workload != *workload);
        self.tried.push(Tried { workload: Arc::clone(workload), left: Left::Nothing });
    }

    /// Whether some address of the workload was tried.
    pub(crate) fn has_begun(&self, workload: &Workload) -> bool {
        self.tried(workload).is_some()
    }

    /// The address of the workload that is tried next for a client that dialled `wanted`: `wanted` itself where it is the
    /// workload's, else its first one of that family; then its first one of the other family.
    pub(crate) fn next_address(&self, workload: &Workload, wanted: IpAddr) -> Option<IpAddr> {
        let own = Some(wanted).filter(|wanted| workload.addresses.contains(wanted));
        let same = own.or_else(|| workload.address_of(wanted.is_ipv4()));
        let mut addresses = same.into_iter().chain(workload.address_of(!wanted.is_ipv4()));
        match self.tried(workload) {
            None if self.tried.len() >= MOST_WORKLOADS => None,
            None => addresses.next(),
            Some(Left::AllBut(tried)) => addresses.find(|address| !tried.contains(address)),
            Some(Left::Nothing) => None,
        }
    }

    fn tried(&self, workload: &Workload) -> Option<&Left> {
        self.tried.iter().find(|tried| tried.workload == workload.uid).map(|tried| &tried.left)
    }
}

#[cfg(test)]
mod tests;
