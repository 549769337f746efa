//! Whose an address is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use karez_resources::pod::Pod;
use karez_resources::{Key, Kind};

use crate::report::Effect;
use crate::translation::Output;
use crate::view::View;

/// Live Pods by the addresses that are their own: those in the node's network namespace have none.
#[derive(Debug, Default)]
pub(crate) struct Addresses<'a> {
    holders: BTreeMap<IpAddr, &'a Pod>,
}

impl<'a> Addresses<'a> {
    pub(crate) fn of(view: &View<'a>) -> Self {
        let mut holders: BTreeMap<IpAddr, &'a Pod> = BTreeMap::new();
        for pod in view.pods.values().filter(|pod| !pod.host_network) {
            for address in &pod.addresses {
                let holder = holders.entry(*address).or_insert(pod);
                // Of two that claim one address, the one that is being deleted is the one that had it.
                if holder.deleting && !pod.deleting {
                    *holder = pod;
                }
            }
        }
        Self { holders }
    }

    /// The Pod that has this address.
    pub(crate) fn holder(&self, address: IpAddr) -> Option<&'a Pod> {
        self.holders.get(&address).copied()
    }

    /// The addresses at which a Pod is served. One address cannot stand for two identities.
    pub(crate) fn served<'b>(&'b self, pod: &'b Pod) -> impl Iterator<Item = IpAddr> + 'b {
        pod.addresses.iter().copied().filter(|address| self.other_holder(pod, *address).is_none())
    }

    pub(crate) fn report(&self, view: &View<'_>, output: &mut Output<'_>) {
        for pod in view.pods.values() {
            for address in &pod.addresses {
                if let Some(other) = self.other_holder(pod, *address) {
                    let message = format!(
                        "{address} is also Pod {}/{}'s, which is served there",
                        other.namespace, other.name
                    );
                    let key = Key::new(Kind::Pod, &pod.namespace, &pod.name);
                    output.report(&key, "status.podIPs".to_owned(), &message, Effect::Nothing);
                }
            }
        }
    }

    fn other_holder(&self, pod: &Pod, address: IpAddr) -> Option<&'a Pod> {
        let holder = self.holder(address).filter(|_| !pod.host_network)?;
        (holder.namespace != pod.namespace || holder.name != pod.name).then_some(holder)
    }
}
