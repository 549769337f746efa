use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use super::world::World;
use crate::listener::tests::inodes;
use crate::pod::tests::reference;

#[derive(Debug, Clone)]
enum Act {
    Offer(u8, u64),
    Stop(u8, u64),
    Resume(u8, u64),
    Withdraw(u8, u64),
    Steps(u8),
    Reconnect,
    RestartAgent,
    RestartNode,
    OpenWanted,
}

fn any_act() -> impl Strategy<Value = Act> {
    let name = 0..4_u8;
    let inode = 1..3_u64;
    prop_oneof![
        4 => (name.clone(), inode.clone()).prop_map(|(name, inode)| Act::Offer(name, inode)),
        2 => (name.clone(), inode.clone()).prop_map(|(name, inode)| Act::Stop(name, inode)),
        1 => (name.clone(), inode.clone()).prop_map(|(name, inode)| Act::Resume(name, inode)),
        2 => (name, inode).prop_map(|(name, inode)| Act::Withdraw(name, inode)),
        8 => (1..6_u8).prop_map(Act::Steps),
        1 => Just(Act::Reconnect),
        1 => Just(Act::RestartAgent),
        1 => Just(Act::RestartNode),
        2 => Just(Act::OpenWanted),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever happens, in any order: in the end the node proxy carries exactly the offered Pods, with the agent's
    /// listeners.
    #[test]
    fn both_sides_agree_in_the_end(acts in prop::collection::vec(any_act(), 0..40)) {
        let mut world = World::new();
        for act in acts {
            match act {
                Act::Offer(name, inode) => world.offer(&name.to_string(), inode),
                Act::Stop(name, inode) => world.roster.stop(&reference(&name.to_string(), inode)),
                Act::Resume(name, inode) => world.roster.resume(&reference(&name.to_string(), inode)),
                Act::Withdraw(name, inode) => world.roster.withdraw(&reference(&name.to_string(), inode)),
                Act::Steps(steps) => { for _ in 0..steps { world.step(); } }
                Act::Reconnect => world.reconnect(),
                Act::RestartAgent => world.restart_agent(),
                Act::RestartNode => world.restart_node(),
                Act::OpenWanted => world.open_wanted(),
            }
        }
        world.settle();
        world.open_wanted();
        world.settle();

        let offers = world.roster.offers().filter(|offer| offer.desired == DesiredState::Carried);
        let expected: BTreeMap<PodUid, (PodReference, Vec<u64>)> = offers.map(|offer| {
            let Supply::Listeners { listeners, .. } = &offer.supply else { panic!("{offer:?}") };
            (offer.pod.uid().clone(), (offer.pod.reference.clone(), inodes(listeners)))
        }).collect();
        let stopped = |uid: &PodUid| {
            world.roster.offers().any(|offer| offer.pod.uid() == uid && offer.desired == DesiredState::Stopped)
        };
        let carried: BTreeMap<PodUid, (PodReference, Vec<u64>)> = world.carried.iter()
            .filter(|(uid, _)| !stopped(uid))
            .map(|(uid, (pod, listeners))| (uid.clone(), (pod.reference.clone(), inodes(listeners))))
            .collect();
        prop_assert_eq!(carried, expected);
    }
}
