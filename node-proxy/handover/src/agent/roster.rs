//! The Pods that the agent offers, and how far each node proxy is with them. Pure.
//!
//! Whoever enrols Pods changes the offers; each connection's session compares them with what it has told its node proxy
//! and says the difference. Nobody queues events, so nothing can be lost between the two.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::listener::{Listeners, Role};
use crate::pod::{EnrolledPod, PodReference, PodUid};

/// A connected node proxy; a later connection has the greater id.
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

/// A Pod that is to be carried.
#[derive(Debug)]
pub struct Offer {
    /// The Pod.
    pub pod: Arc<EnrolledPod>,
    /// The listeners that it has, sorted: fixed at its enrolment.
    pub roles: Vec<Role>,
    /// What goes with it.
    pub supply: Supply,
    /// Whether it is to be carried still.
    pub wish: Wish,
    /// Whether older flows are to be closed, as a node proxy said.
    pub strict: Option<bool>,
    revision: u64,
}

/// The descriptors that go with a Pod.
#[derive(Debug, Clone)]
pub enum Supply {
    /// The agent was restarted, and a node proxy may hold the Pod's listeners.
    Sought,
    /// No node proxy holds them: the agent is to open new ones.
    Wanted,
    /// Its listeners.
    Listeners {
        /// Opened by the agent, or taken back from a node proxy.
        listeners: Listeners,
        /// Whether a node proxy has them as well.
        handed: bool,
    },
    /// Its network namespace: for a node proxy of Istio's, which opens its sockets itself.
    Namespace(Arc<OwnedFd>),
}

/// What is to become of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It is carried.
    Carried,
    /// It is about to leave: what is open is finished, nothing new begins.
    Stopped,
}

#[derive(Debug)]
struct Proxy {
    program: String,
    told: BTreeMap<PodUid, Told>,
}

/// What a node proxy was last told of a Pod, and how far it is with that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The Pod.
    pub reference: PodReference,
    /// How far the node proxy is with it.
    pub standing: ProxyStanding,
    revision: u64,
}

/// How far a node proxy is with a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyStanding {
    /// It carries the Pod and was asked for its listeners.
    Returning,
    /// It was told to carry the Pod and has not answered.
    Offered,
    /// It has the Pod and does not carry it yet, and here is why.
    Waiting(String),
    /// It carries the Pod.
    Carrying,
    /// It cannot, and has nothing of its traffic.
    Failed(String),
    /// It was told that the Pod is about to leave and has not finished.
    Stopping,
    /// It has finished.
    Released,
    /// It was told that the Pod is gone and has not answered.
    Removing,
}

impl Roster {
    /// Offers a Pod, or what is new about it. One with the same uid in another sandbox is replaced.
    pub fn offer(&mut self, pod: EnrolledPod, mut roles: Vec<Role>, supply: Supply) {
        roles.sort_unstable();
        self.last_revision += 1;
        self.changes += 1;
        let revision = self.last_revision;
        let strict = self.offer_of(&pod.reference).and_then(|old| old.strict);
        let uid = pod.uid().clone();
        let offer = Offer { pod: Arc::new(pod), roles, supply, wish: Wish::Carried, strict, revision };
        self.offers.insert(uid, offer);
    }

    /// Gives an offer what it was without.
    pub fn supply(&mut self, pod: &PodReference, supply: Supply) {
        self.change(pod, |offer| offer.supply = supply);
    }

    /// The Pod is about to leave.
    pub fn stop(&mut self, pod: &PodReference) {
        self.change(pod, |offer| offer.wish = Wish::Stopped);
    }

    /// The Pod is gone.
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

    /// Whether no connected node proxy has anything of the Pod's traffic open.
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

    /// How the connected node proxies stand to a Pod, by their programs' names, oldest connection first.
    pub fn standings(&self, pod: &PodReference) -> impl Iterator<Item = (&str, &ProxyStanding)> {
        self.proxies.values().filter_map(move |proxy| {
            let told = proxy.told.get(&pod.uid).filter(|told| told.reference == *pod)?;
            Some((proxy.program.as_str(), &told.standing))
        })
    }

    /// The node proxies that carry a Pod as it is offered now, by their programs' names, oldest connection first.
    pub fn carriers(&self, pod: &PodReference) -> impl Iterator<Item = &str> {
        self.proxies.values().filter_map(move |proxy| {
            let told = proxy.told.get(&pod.uid).filter(|told| told.reference == *pod)?;
            (told.standing == ProxyStanding::Carrying && self.is_current(told))
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
        self.proxies.insert(id, Proxy { program, told: BTreeMap::new() });
        id
    }

    pub(crate) fn leave(&mut self, proxy: ProxyId) {
        self.proxies.remove(&proxy);
        self.changes += 1;
    }

    pub(crate) fn is_newest(&self, proxy: ProxyId) -> bool {
        self.proxies.last_key_value().is_some_and(|(newest, _)| *newest == proxy)
    }

    pub(crate) fn told(&self, proxy: ProxyId, uid: &PodUid) -> Option<&Told> {
        self.proxies.get(&proxy)?.told.get(uid)
    }

    pub(crate) fn all_told(&self, proxy: ProxyId) -> impl Iterator<Item = &Told> {
        self.proxies.get(&proxy).into_iter().flat_map(|proxy| proxy.told.values())
    }

    /// Whether what a node proxy was told is still so: the same Pod, in the same place, with the same description.
    pub(crate) fn is_current(&self, told: &Told) -> bool {
        self.offer_of(&told.reference).is_some_and(|offer| offer.revision == told.revision)
    }

    /// Notes how a node proxy stands to a Pod, as the Pod is offered at this moment.
    pub(crate) fn set_standing(&mut self, proxy: ProxyId, pod: &PodReference, standing: ProxyStanding) {
        let revision = self.offer_of(pod).map_or(0, |offer| offer.revision);
        let Some(proxy) = self.proxies.get_mut(&proxy) else { return };
        let told = Told { reference: pod.clone(), standing, revision };
        if proxy.told.get(&pod.uid) != Some(&told) {
            proxy.told.insert(pod.uid.clone(), told);
            self.changes += 1;
        }
    }

    /// Notes an answer of a node proxy to what it was told before.
    pub(crate) fn answer(&mut self, proxy: ProxyId, pod: &PodReference, standing: ProxyStanding) {
        let told = self.proxies.get_mut(&proxy).and_then(|proxy| proxy.told.get_mut(&pod.uid));
        if let Some(told) = told.filter(|told| told.reference == *pod && told.standing != standing) {
            told.standing = standing;
            self.changes += 1;
        }
    }

    pub(crate) fn forget(&mut self, proxy: ProxyId, pod: &PodReference) {
        let Some(proxy) = self.proxies.get_mut(&proxy) else { return };
        if proxy.told.get(&pod.uid).is_some_and(|told| told.reference == *pod) {
            proxy.told.remove(&pod.uid);
            self.changes += 1;
        }
    }

    /// A node proxy has the Pod's listeners now.
    pub(crate) fn handed_over(&mut self, pod: &PodReference) {
        self.change(pod, |offer| {
            if let Supply::Listeners { handed, .. } = &mut offer.supply {
                *handed = true;
            }
        });
    }

    /// A node proxy has said what it carries: listeners that are still sought and not with it have to be opened anew.
    pub(crate) fn give_up_seeking(&mut self, proxy: ProxyId) {
        let carried = self.proxies.get(&proxy).map(|proxy| &proxy.told);
        for offer in self.offers.values_mut() {
            let returning = carried.and_then(|told| told.get(offer.pod.uid()));
            let is_returning = returning.is_some_and(|told| told.standing == ProxyStanding::Returning);
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
