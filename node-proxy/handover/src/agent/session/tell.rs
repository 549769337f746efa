//! What a node proxy is told: the difference between what is offered and what it knows.

use std::sync::Arc;
use std::time::Instant;

use super::{ANSWER_WITHIN, Session, SessionStage};
use crate::agent::roster::{ProxyId, ProxyStanding, Roster, Supply, Told, Wish};
use crate::listener::{Listener, Listeners, Role};
use crate::message::{AgentMessage, MOST_DESCRIPTORS};
use crate::packet::{Packet, parts};
use crate::pod::{EnrolledPod, PodReference};

/// Most Pods that are offered and not answered at a time: it bounds the descriptors on their way.
pub(super) const MOST_OFFERED: usize = 16;

impl Session {
    /// Says what has changed about the Pods that it knows.
    pub(super) fn tell_changes(&mut self, proxy: ProxyId, roster: &mut Roster, now: Instant) {
        let all: Vec<Told> = roster.all_told(proxy).cloned().collect();
        for told in all {
            let pod = &told.reference;
            let wish = roster.offer_of(pod).filter(|_| roster.is_current(&told)).map(|offer| offer.wish);
            match (wish, &told.standing) {
                (None, ProxyStanding::Removing | ProxyStanding::Returning) => {}
                (None, _) => self.remove(proxy, pod, roster, now),
                (
                    Some(Wish::Stopped),
                    ProxyStanding::Offered | ProxyStanding::Waiting(_) | ProxyStanding::Carrying,
                ) => {
                    self.stop(proxy, pod, roster);
                }
                (Some(Wish::Stopped | Wish::Carried), _) => {}
            }
        }
    }

    /// Offers Pods that it does not know. Of several node proxies only the newest gets them, but each gets a snapshot.
    pub(super) fn tell_additions(&mut self, proxy: ProxyId, roster: &mut Roster, now: Instant) {
        if matches!(self.stage, SessionStage::Live(_)) && !roster.is_newest(proxy) {
            return;
        }
        let open = roster.all_told(proxy).filter(|told| told.standing == ProxyStanding::Offered).count();
        let new = self.unknown(proxy, roster, MOST_OFFERED.saturating_sub(open));
        for (pod, listeners) in new {
            self.offer(&pod, &listeners);
            roster.handed_over(&pod.reference);
            roster.set_standing(proxy, &pod.reference, ProxyStanding::Offered);
            self.expect(&pod.reference, now);
        }
    }

    fn unknown(&self, proxy: ProxyId, roster: &Roster, most: usize) -> Vec<(Arc<EnrolledPod>, Listeners)> {
        let wanted = roster.offers().filter(|offer| offer.wish == Wish::Carried);
        let unknown = wanted.filter(|offer| roster.told(proxy, offer.pod.uid()).is_none());
        let supplied = unknown.filter_map(|offer| match &offer.supply {
            Supply::Listeners { listeners, .. } => Some((Arc::clone(&offer.pod), Arc::clone(listeners))),
            Supply::Sought | Supply::Wanted | Supply::Namespace(_) => None,
        });
        supplied.take(most).collect()
    }

    pub(super) fn tell_end_of_snapshot(&mut self, proxy: ProxyId, roster: &Roster) {
        let undecided = roster.all_told(proxy).any(|told| told.standing == ProxyStanding::Returning);
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
        // How long a Pod may take to finish is for whoever removes it to say.
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
