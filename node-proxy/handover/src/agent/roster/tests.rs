use super::*;
use crate::listener::tests::listeners;
use crate::pod::tests::{pod, reference};

fn supply() -> Supply {
    Supply::Listeners { listeners: listeners(1), handed: false }
}

fn offered(name: &str, inode: u64) -> Roster {
    let mut roster = Roster::default();
    roster.offer(pod(name, inode), Vec::new(), supply());
    roster
}

#[test]
fn an_offer_is_of_one_sandbox() {
    let mut roster = offered("web", 1);
    assert!(roster.offer_of(&reference("web", 1)).is_some());
    assert!(roster.offer_of(&reference("web", 2)).is_none());

    roster.stop(&reference("web", 2));
    roster.withdraw(&reference("web", 2));
    assert_eq!(roster.offer_of(&reference("web", 1)).unwrap().desired, DesiredState::Carried);
}

#[test]
fn an_offer_that_is_made_again_is_carried_again_and_keeps_its_strictness() {
    let mut roster = offered("web", 1);
    roster.set_strict(&reference("web", 1), true);
    roster.stop(&reference("web", 1));
    roster.offer(pod("web", 1), Vec::new(), supply());
    let offer = roster.offer_of(&reference("web", 1)).unwrap();
    assert_eq!((offer.desired, offer.strict), (DesiredState::Carried, Some(true)));

    roster.offer(pod("web", 2), Vec::new(), supply());
    assert_eq!(roster.offer_of(&reference("web", 2)).unwrap().strict, None);
}

#[test]
fn when_a_pod_is_released_and_gone() {
    let cases = [
        (ProxyStanding::Returning, false, false),
        (ProxyStanding::Offered, false, false),
        (ProxyStanding::Waiting("no certificate".to_owned()), false, false),
        (ProxyStanding::Carrying, false, false),
        (ProxyStanding::Failed("no".to_owned()), true, false),
        (ProxyStanding::Stopping, false, false),
        (ProxyStanding::Released, true, false),
        (ProxyStanding::Removing, false, false),
    ];
    for (standing, released, gone) in cases {
        let mut roster = offered("web", 1);
        let proxy = roster.join("node".to_owned());
        let other = roster.join("other".to_owned());
        roster.set_standing(other, &reference("web", 1), ProxyStanding::Released);
        roster.forget(other, &reference("web", 1));
        roster.set_standing(proxy, &reference("web", 1), standing.clone());
        let found = (roster.is_released(&reference("web", 1)), roster.is_gone(&reference("web", 1)));
        assert_eq!(found, (released, gone), "{standing:?}");
        roster.leave(proxy);
        assert!(roster.is_released(&reference("web", 1)) && roster.is_gone(&reference("web", 1)));
    }
}

#[test]
fn who_carries_a_pod_carries_it_as_it_is_offered_now() {
    let mut roster = offered("web", 1);
    let web = reference("web", 1);
    let carriers = |roster: &Roster| roster.carriers(&web).map(str::to_owned).collect::<Vec<_>>();
    let (first, second) = (roster.join("first".to_owned()), roster.join("second".to_owned()));
    roster.set_standing(first, &web, ProxyStanding::Carrying);
    roster.set_standing(second, &web, ProxyStanding::Offered);
    assert_eq!(carriers(&roster), ["first"]);
    roster.offer(pod("web", 1), Vec::new(), supply());
    assert_eq!(carriers(&roster), [""; 0], "it has to begin again");
    roster.set_standing(second, &web, ProxyStanding::Carrying);
    assert_eq!(carriers(&roster), ["second"]);
}

#[test]
fn the_newest_is_the_last_that_is_still_there() {
    let mut roster = Roster::default();
    let (first, second) = (roster.join("first".to_owned()), roster.join("second".to_owned()));
    assert!(!roster.is_newest(first) && roster.is_newest(second));
    roster.leave(second);
    assert!(roster.is_newest(first));
}

#[test]
fn listeners_are_sought_until_the_node_proxy_has_spoken() {
    let mut roster = Roster::default();
    roster.offer(pod("held", 1), Vec::new(), Supply::Sought);
    roster.offer(pod("lost", 2), Vec::new(), Supply::Sought);
    let proxy = roster.join("node".to_owned());
    roster.set_standing(proxy, &reference("held", 1), ProxyStanding::Returning);
    roster.give_up_seeking(proxy);
    assert!(matches!(roster.offer_of(&reference("held", 1)).unwrap().supply, Supply::Sought));
    assert!(matches!(roster.offer_of(&reference("lost", 2)).unwrap().supply, Supply::Wanted));
}

#[test]
fn what_changes_nothing_is_no_change() {
    let mut roster = offered("web", 1);
    let proxy = roster.join("node".to_owned());
    roster.set_standing(proxy, &reference("web", 1), ProxyStanding::Offered);
    let before = roster.changes();
    roster.set_standing(proxy, &reference("web", 1), ProxyStanding::Offered);
    roster.answer(proxy, &reference("web", 1), ProxyStanding::Offered);
    roster.answer(proxy, &reference("web", 2), ProxyStanding::Carrying);
    roster.withdraw(&reference("web", 2));
    roster.forget(proxy, &reference("web", 2));
    assert_eq!(roster.changes(), before);
    roster.answer(proxy, &reference("web", 1), ProxyStanding::Carrying);
    assert!(roster.changes() > before);
}
