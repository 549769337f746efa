//! Properties of every mesh and connection.

use proptest::prelude::*;

use super::*;
use crate::fixture::applied;
use crate::fixture::arbitrary::{any_pod, any_settings, any_target, changes};

proptest! {
    /// Every mesh gives a plan that keeps its promises.
    #[test]
    fn promises(
        changes in changes(),
        source in any_pod(),
        destination in any_target(),
        random in any::<u64>(),
        names in proptest::collection::vec(proptest::sample::select(vec!["web", "cart", "db", "way"]), 0..3),
    ) {
        let mesh = applied(changes);
        let tried: Vec<Arc<str>> = names.iter().map(|name| uid(name).into()).collect();
        match outbound(&mesh, &source, destination, &attempts(&names), random) {
            Outbound::Tunnel(tunnel) | Outbound::SameNode(tunnel) => {
                prop_assert!(!tried.contains(&tunnel.workload.uid));
                prop_assert!(tunnel.workload.addresses.contains(&tunnel.next_hop.ip()));
                prop_assert!(tunnel.waypoint || tunnel.next_hop.ip() == tunnel.authority.ip());
                prop_assert!(tunnel.waypoint || tunnel.workload.protocol == Protocol::Hbone);
            }
            Outbound::Plaintext(plan) => {
                prop_assert!(!tried.contains(&plan.workload.uid));
                prop_assert!(plan.workload.protocol == Protocol::Plaintext);
                prop_assert!(plan.workload.addresses.contains(&plan.to.ip()));
            }
            Outbound::Passthrough { .. } | Outbound::Refuse(_) | Outbound::Unknown => {}
        }
    }

    /// The mesh's addresses leave in the clear only when known.
    #[test]
    fn an_unknown_address_of_the_mesh_is_never_passed_through(
        changes in changes(),
        source in any_pod(),
        destination in any_target(),
        random in any::<u64>(),
    ) {
        let mut mesh = applied(changes);
        mesh.apply(ranges(&["10.0.0.0/8", "fd00::/8"])).unwrap();
        let address = destination.ip().to_canonical();
        let known = mesh.workload_at(address).is_some()
            || mesh.service_at(address).is_some()
            || mesh.workloads().any(|workload| workload.addresses.contains(&address));
        if !known && mesh.settings().in_mesh_ranges(address) {
            let plan = outbound(&mesh, &source, destination, &Attempts::NONE, random);
            let refused = matches!(plan, Outbound::Refuse(Refusal::ReservedPort { .. }));
            prop_assert!(refused || plan == Outbound::Unknown, "{plan:?}");
        }
    }

    /// A destination behind a waypoint is reached through it or not at all, except from the waypoint.
    #[test]
    fn a_waypoint_is_never_passed_by(
        changes in changes(),
        settings in any_settings(),
        source in any_pod(),
        destination in any_target(),
        random in any::<u64>(),
    ) {
        let mesh = applied(changes.into_iter().chain([settings.into()]));
        let view = Viewpoint::new(&mesh, &source);
        let Some(service) = view.service_at(destination.ip().to_canonical()) else { return Ok(()) };
        let Some(gateway) = &service.waypoint else { return Ok(()) };
        if Waypoint::find(&view, gateway).is_some_and(|waypoint| waypoint.is_at(&view)) {
            return Ok(());
        }
        match outbound(&mesh, &source, destination, &Attempts::NONE, random) {
            Outbound::Tunnel(tunnel) => prop_assert!(tunnel.waypoint),
            Outbound::Refuse(_) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
