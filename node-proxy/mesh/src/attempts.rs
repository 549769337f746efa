//! The addresses that one connection has tried, and those it may still try.

use std::net::IpAddr;
use std::sync::Arc;

use crate::object::workload::Workload;

/// Most workloads that one connection tries.
const MOST_WORKLOADS: usize = 4;

/// The failed attempts of one connection. They are bounded: four workloads, and one address of each family.
#[derive(Debug, Clone)]
pub struct Attempts {
    tried: Vec<Tried>,
}

#[derive(Debug, Clone)]
struct Tried {
    workload: Arc<str>,
    left: Left,
}

/// The untried part of a workload.
#[derive(Debug, Clone)]
enum Left {
    /// Every address except these.
    AllBut(Vec<IpAddr>),
    Nothing,
}

impl Attempts {
    /// No attempts.
    pub const NONE: Self = Self { tried: Vec::new() };

    /// Records that the workload's address refused, so that its address of the other family comes next: the application
    /// may listen only there. The client does not try it, since RFC 8305 needs a failed connect and the node proxy has
    /// accepted.
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

    /// Records that the workload failed as a whole: its other address would fail too.
    pub fn failed(&mut self, workload: &Arc<str>) {
        self.tried.retain(|tried| tried.workload != *workload);
        self.tried.push(Tried { workload: Arc::clone(workload), left: Left::Nothing });
    }

    /// Whether some address of the workload was tried.
    pub(crate) fn has_begun(&self, workload: &Workload) -> bool {
        self.tried(workload).is_some()
    }

    /// The workload's next address for a client that dialled `wanted`. First `wanted` itself if the workload has it,
    /// else its first address of that family; then its first of the other family.
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
