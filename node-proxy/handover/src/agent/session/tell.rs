//! Sends a node proxy the difference between the offers and what it knows.

use std::sync::Arc;
use std::time::Instant;

use super::{ANSWER_WITHIN, Session, SessionStage};
use crate::agent::roster::{DesiredState, KnownPod, ProxyId, ProxyStanding, Roster, Supply};
use crate::listener::{Listener, Listeners, Role};
use crate::message::{AgentMessage, MOST_DESCRIPTORS};
use crate::packet::{Packet, parts};
use crate::pod::{EnrolledPod, PodReference};

/// Most Pods offered without an answer: it bounds the descriptors in flight.
pub(super) const MOST_OFFERED: usize = 16;

impl Session {
    /// Sends changes of the Pods it knows.
    pub(super) fn tell_changes(&mut self, proxy: ProxyId, roster: &mut Roster, now: Instant) {
        let all: Vec<KnownPod> = roster.known_pods(proxy).cloned().collect();
        for known in all {
            let pod = &known.reference;
            let desired =
                roster.offer_of(pod).filter(|_| roster.is_current(&known)).map(|offer| offer.desired);
            match (desired, &known.standing) {
                (None, ProxyStanding::Removing | ProxyStanding::Returning) => {}
                (None, _) => self.remove(proxy, pod, roster, now),
                (
                    Some(DesiredState::Stopped),
                    ProxyStanding::Offered | ProxyStanding::Waiting(_) | ProxyStanding::Carrying,
                ) => {
                    self.stop(proxy, pod, roster);
                }
                (Some(DesiredState::Carried), ProxyStanding::Stopping | ProxyStanding::Released) => {
                    self.keep(proxy, pod, roster, now);
                }
                (Some(DesiredState::Stopped | DesiredState::Carried), _) => {}
            }
        }
    }

    /// Offers Pods that it does not know. Every node proxy gets a snapshot, but later only the newest gets new Pods.
    pub(super) fn tell_additions(&mut self, proxy: ProxyId, roster: &mut Roster, now: Instant) {
        if matches!(self.stage, SessionStage::Live(_)) && !roster.is_newest(proxy) {
            return;
        }
        let open = roster.known_pods(proxy).filter(|known| known.standing == ProxyStanding::Offered).count();
        let new = self.unknown(proxy, roster, MOST_OFFERED.saturating_sub(open));
        for (pod, listeners) in new {
            self.offer(&pod, &listeners);
            roster.handed_over(&pod.reference);
            roster.set_standing(proxy, &pod.reference, ProxyStanding::Offered);
            self.expect(&pod.reference, now);
        }
    }

    fn unknown(&self, proxy: ProxyId, roster: &Roster, most: usize) -> Vec<(Arc<EnrolledPod>, Listeners)> {
        let wanted = roster.offers().filter(|offer| offer.desired == DesiredState::Carried);
        let unknown = wanted.filter(|offer| roster.known_pod(proxy, offer.pod.uid()).is_none());
        let supplied = unknown.filter_map(|offer| match &offer.supply {
            Supply::Listeners { listeners, .. } => Some((Arc::clone(&offer.pod), Arc::clone(listeners))),
            Supply::Sought | Supply::Wanted | Supply::Namespace(_) => None,
        });
        supplied.take(most).collect()
    }

    pub(super) fn tell_end_of_snapshot(&mut self, proxy: ProxyId, roster: &Roster) {
        let undecided = roster.known_pods(proxy).any(|known| known.standing == ProxyStanding::Returning);
        if matches!(self.stage, SessionStage::Snapshot(_))
            && !undecided
            && self.unknown(proxy, roster, 1).is_empty()
        {
            self.say(&AgentMessage::SnapshotSent);
            self.stage = SessionStage::Live(proxy);
        }
    }

    fn offer(&mut self, pod: &EnrolledPod, listeners: &[Listener]) {
        for (part, more) in parts(listeners, MOST_DESCRIPTORS) {
            let roles: Vec<Role> = part.iter().map(|listener| listener.role).collect();
            let message = AgentMessage::Added { pod: pod.clone(), roles, more };
            let descriptors = part.iter().map(|listener| Arc::clone(&listener.descriptor)).collect();
            self.queue.push_back(Packet { bytes: message.encode(), descriptors });
        }
    }

    pub(super) fn keep(&mut self, proxy: ProxyId, pod: &PodReference, roster: &mut Roster, now: Instant) {
        if let Some(offer) = roster.offer_of(pod) {
            self.say(&AgentMessage::Kept(offer.pod.as_ref().clone()));
            roster.set_standing(proxy, pod, ProxyStanding::Offered);
            self.expect(pod, now);
        }
    }

    pub(super) fn stop(&mut self, proxy: ProxyId, pod: &PodReference, roster: &mut Roster) {
        self.say(&AgentMessage::Stopping(pod.clone()));
        // The caller that removes the Pod decides how long it may take to finish.
        self.due.remove(&pod.uid);
        roster.set_standing(proxy, pod, ProxyStanding::Stopping);
    }

    pub(super) fn remove(&mut self, proxy: ProxyId, pod: &PodReference, roster: &mut Roster, now: Instant) {
        self.say(&AgentMessage::Removed(pod.clone()));
        roster.set_standing(proxy, pod, ProxyStanding::Removing);
        self.expect(pod, now);
    }

    pub(super) fn say(&mut self, message: &AgentMessage) {
        self.queue.push_back(Packet { bytes: message.encode(), descriptors: Vec::new() });
    }

    pub(super) fn expect(&mut self, pod: &PodReference, now: Instant) {
        self.due.insert(pod.uid.clone(), now + ANSWER_WITHIN);
    }
}
