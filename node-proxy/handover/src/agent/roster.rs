//! The Pods that the agent offers, and each node proxy's progress with them. Pure.
//!
//! Enrolment changes the offers. Each connection's session compares them with what its node proxy knows, and sends the
//! difference. Nobody queues events, so none can be lost.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::listener::{Listeners, Role};
use crate::pod::{EnrolledPod, PodReference, PodUid};

/// A connected node proxy. Later connections have greater ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyId(u64);

/// All offers and all connected node proxies.
#[derive(Debug, Default)]
pub struct Roster {
    offers: BTreeMap<PodUid, Offer>,
    proxies: BTreeMap<ProxyId, Proxy>,
    last_proxy: u64,
    last_revision: u64,
    changes: u64,
}

/// A Pod to carry.
#[derive(Debug)]
pub struct Offer {
    /// The Pod.
    pub pod: Arc<EnrolledPod>,
    /// Its listeners' roles, sorted: fixed at enrolment.
    pub roles: Vec<Role>,
    /// Its descriptors.
    pub supply: Supply,
    /// Whether to carry it or stop.
    pub desired: DesiredState,
    /// Whether to close older flows, as a node proxy reported.
    pub strict: Option<bool>,
    revision: u64,
}

/// The descriptors of an offered Pod.
#[derive(Debug, Clone)]
pub enum Supply {
    /// The agent was restarted, and a node proxy may hold the listeners.
    Sought,
    /// No node proxy holds them: the agent must open new ones.
    Wanted,
    /// The Pod's listeners.
    Listeners {
        /// Opened by the agent, or returned by a node proxy.
        listeners: Listeners,
        /// Whether a node proxy has them too.
        handed: bool,
    },
    /// The Pod's network namespace, for Istio's node proxy, which opens its sockets itself.
    Namespace(Arc<OwnedFd>),
}

/// The wanted state of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesiredState {
    /// It is carried.
    Carried,
    /// It is leaving: open connections finish, new ones do not begin.
    Stopped,
}

#[derive(Debug)]
struct Proxy {
    program: String,
    known: BTreeMap<PodUid, KnownPod>,
}

/// A Pod as a node proxy knows it, and the proxy's progress with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPod {
    /// The Pod.
    pub reference: PodReference,
    /// The node proxy's progress.
    pub standing: ProxyStanding,
    revision: u64,
}

/// A node proxy's progress with a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyStanding {
    /// It carries the Pod and was asked for its listeners.
    Returning,
    /// It was offered the Pod and has not answered.
    Offered,
    /// It has the Pod and does not carry it yet, for this reason.
    Waiting(String),
    /// It carries the Pod.
    Carrying,
    /// It cannot carry the Pod, for this reason, and has none of its traffic.
    Failed(String),
    /// It was told that the Pod is leaving, and has not finished.
    Stopping,
    /// It has finished.
    Released,
    /// It was told that the Pod is gone, and has not answered.
    Removing,
}

impl Roster {
    /// Offers a Pod, or its changed description. Replaces one with the same uid in another sandbox.
    pub fn offer(&mut self, pod: EnrolledPod, mut roles: Vec<Role>, supply: Supply) {
        roles.sort_unstable();
        self.last_revision += 1;
        self.changes += 1;
        let revision = self.last_revision;
        let strict = self.offer_of(&pod.reference).and_then(|old| old.strict);
        let uid = pod.uid().clone();
        let offer =
            Offer { pod: Arc::new(pod), roles, supply, desired: DesiredState::Carried, strict, revision };
        self.offers.insert(uid, offer);
    }

    /// Sets an offer's descriptors.
    pub fn supply(&mut self, pod: &PodReference, supply: Supply) {
        self.change(pod, |offer| offer.supply = supply);
    }

    /// Marks the Pod as leaving.
    pub fn stop(&mut self, pod: &PodReference) {
        self.change(pod, |offer| offer.desired = DesiredState::Stopped);
    }

    /// Marks a leaving Pod as one to carry again.
    pub fn resume(&mut self, pod: &PodReference) {
        self.change(pod, |offer| offer.desired = DesiredState::Carried);
    }

    /// Removes the Pod.
    pub fn withdraw(&mut self, pod: &PodReference) {
        if self.offer_of(pod).is_some() {
            self.offers.remove(&pod.uid);
            self.changes += 1;
        }
    }

    /// The offer of this Pod in this sandbox.
    #[must_use]
    pub fn offer_of(&self, pod: &PodReference) -> Option<&Offer> {
        self.offers.get(&pod.uid).filter(|offer| offer.pod.reference == *pod)
    }

    /// Whether no connected node proxy has traffic of the Pod open.
    #[must_use]
    pub fn is_released(&self, pod: &PodReference) -> bool {
        self.standings(pod)
            .all(|(_, standing)| matches!(standing, ProxyStanding::Failed(_) | ProxyStanding::Released))
    }

    /// Whether no connected node proxy holds anything of the Pod.
    #[must_use]
    pub fn is_gone(&self, pod: &PodReference) -> bool {
        self.standings(pod).next().is_none()
    }

    /// The node proxies' progress with a Pod, by program name, oldest connection first.
    pub fn standings(&self, pod: &PodReference) -> impl Iterator<Item = (&str, &ProxyStanding)> {
        self.proxies.values().filter_map(move |proxy| {
            let known = proxy.known.get(&pod.uid).filter(|known| known.reference == *pod)?;
            Some((proxy.program.as_str(), &known.standing))
        })
    }

    /// The node proxies that carry a Pod as offered now, by program name, oldest connection first.
    pub fn carriers(&self, pod: &PodReference) -> impl Iterator<Item = &str> {
        self.proxies.values().filter_map(move |proxy| {
            let known = proxy.known.get(&pod.uid).filter(|known| known.reference == *pod)?;
            (known.standing == ProxyStanding::Carrying && self.is_current(known))
                .then_some(proxy.program.as_str())
        })
    }

    /// The connected node proxies' programs, oldest connection first.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.proxies.values().map(|proxy| proxy.program.as_str())
    }

    /// Grows with every change.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn offers(&self) -> impl Iterator<Item = &Offer> {
        self.offers.values()
    }

    pub(crate) fn join(&mut self, program: String) -> ProxyId {
        self.last_proxy += 1;
        self.changes += 1;
        let id = ProxyId(self.last_proxy);
        self.proxies.insert(id, Proxy { program, known: BTreeMap::new() });
        id
    }

    pub(crate) fn leave(&mut self, proxy: ProxyId) {
        self.proxies.remove(&proxy);
        self.changes += 1;
    }

    pub(crate) fn is_newest(&self, proxy: ProxyId) -> bool {
        self.proxies.last_key_value().is_some_and(|(newest, _)| *newest == proxy)
    }

    pub(crate) fn known_pod(&self, proxy: ProxyId, uid: &PodUid) -> Option<&KnownPod> {
        self.proxies.get(&proxy)?.known.get(uid)
    }

    pub(crate) fn known_pods(&self, proxy: ProxyId) -> impl Iterator<Item = &KnownPod> {
        self.proxies.get(&proxy).into_iter().flat_map(|proxy| proxy.known.values())
    }

    /// Whether a node proxy knows the present offer: the same Pod, sandbox and description.
    pub(crate) fn is_current(&self, known: &KnownPod) -> bool {
        self.offer_of(&known.reference).is_some_and(|offer| offer.revision == known.revision)
    }

    /// Records a node proxy's progress with the Pod's present offer.
    pub(crate) fn set_standing(&mut self, proxy: ProxyId, pod: &PodReference, standing: ProxyStanding) {
        let revision = self.offer_of(pod).map_or(0, |offer| offer.revision);
        let Some(proxy) = self.proxies.get_mut(&proxy) else { return };
        let known = KnownPod { reference: pod.clone(), standing, revision };
        if proxy.known.get(&pod.uid) != Some(&known) {
            proxy.known.insert(pod.uid.clone(), known);
            self.changes += 1;
        }
    }

    /// Records a node proxy's answer about an earlier offer.
    pub(crate) fn answer(&mut self, proxy: ProxyId, pod: &PodReference, standing: ProxyStanding) {
        let known = self.proxies.get_mut(&proxy).and_then(|proxy| proxy.known.get_mut(&pod.uid));
        if let Some(known) = known.filter(|known| known.reference == *pod && known.standing != standing) {
            known.standing = standing;
            self.changes += 1;
        }
    }

    pub(crate) fn forget(&mut self, proxy: ProxyId, pod: &PodReference) {
        let Some(proxy) = self.proxies.get_mut(&proxy) else { return };
        if proxy.known.get(&pod.uid).is_some_and(|known| known.reference == *pod) {
            proxy.known.remove(&pod.uid);
            self.changes += 1;
        }
    }

    /// Records that a node proxy has the Pod's listeners.
    pub(crate) fn handed_over(&mut self, pod: &PodReference) {
        self.change(pod, |offer| {
            if let Supply::Listeners { handed, .. } = &mut offer.supply {
                *handed = true;
            }
        });
    }

    /// A node proxy has listed the Pods it carries: listeners still sought elsewhere must be opened anew.
    pub(crate) fn give_up_seeking(&mut self, proxy: ProxyId) {
        let carried = self.proxies.get(&proxy).map(|proxy| &proxy.known);
        for offer in self.offers.values_mut() {
            let returning = carried.and_then(|known| known.get(offer.pod.uid()));
            let is_returning = returning.is_some_and(|known| known.standing == ProxyStanding::Returning);
            if matches!(offer.supply, Supply::Sought) && !is_returning {
                offer.supply = Supply::Wanted;
                self.changes += 1;
            }
        }
    }

    pub(crate) fn set_strict(&mut self, pod: &PodReference, strict: bool) {
        self.change(pod, |offer| offer.strict = Some(strict));
    }

    fn change(&mut self, pod: &PodReference, change: impl FnOnce(&mut Offer)) {
        if let Some(offer) = self.offers.get_mut(&pod.uid).filter(|offer| offer.pod.reference == *pod) {
            change(offer);
            self.changes += 1;
        }
    }
}

#[cfg(test)]
mod tests;
