use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_source_with_most_gives_way_and_its_oldest_client_first() {
    // Clients in order of arrival, and which of them give way one after the other.
    for (come, give_way) in [
        (&["10.0.0.1", "10.0.0.2", "10.0.0.2"][..], &[1, 0, 2][..]),
        (&["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2"], &[0, 1, 2, 3]),
        // As many from each source: the oldest client.
        (&["10.0.0.3", "10.0.0.1", "10.0.0.2"], &[0, 1, 2]),
        (&["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.1"], &[0, 1, 2, 3]),
        // An IPv6 host counts by its /64, and IPv4-mapped IPv6 as IPv4.
        (&["fd00::1:0:0:0:1", "fd00::2:0:0:0:1", "fd00::2:0:0:0:2"], &[1, 0, 2]),
        (&["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.2"], &[1, 0, 2]),
    ] {
        let mut sources = Sources::default();
        for from in come {
            sources.register(address(from));
        }
        let gave_way: Vec<_> =
            std::iter::from_fn(|| sources.displace()).map(|client| client.number).collect();
        assert_eq!(gave_way, give_way, "{come:?}");
    }
}

#[test]
fn a_client_leaves_once() {
    let mut sources = Sources::default();
    let (first, second) = (sources.register(address("::1")), sources.register(address("::1")));
    assert!(sources.leave(first) && !sources.leave(first));
    assert_eq!(sources.displace(), Some(second));
    assert!(!sources.leave(second));
    assert!(sources.clients.is_empty() && sources.ranks.is_empty() && sources.len() == 0);
}

proptest! {
    /// Whatever flood comes in between, a source within its share of the limit loses no client.
    #[test]
    fn a_source_within_its_share_loses_nobody(arrivals in vec((0..4_u8, any::<bool>()), 0..300)) {
        const LIMIT: usize = 16;
        const SHARE: usize = LIMIT / 4;
        let mut sources = Sources::default();
        let mut present: Vec<Vec<Client>> = vec![Vec::new(); 4];
        for (source, leaves) in arrivals {
            let own = usize::from(source);
            // Source 0 floods; the others stay within their share.
            if own != 0 && (leaves || present[own].len() == SHARE) && !present[own].is_empty() {
                let oldest = present[own].remove(0);
                prop_assert!(sources.leave(oldest), "an honest client was displaced");
            } else {
                present[own].push(sources.register(IpAddr::from([10, 0, 0, source])));
            }
            while sources.len() > LIMIT {
                let displaced = sources.displace().unwrap();
                prop_assert_eq!(displaced.source, Source::of(IpAddr::from([10, 0, 0, 0])));
            }
            let counted: usize = sources.clients.values().map(BTreeSet::len).sum();
            prop_assert_eq!((counted, sources.clients.len()), (sources.len(), sources.ranks.len()));
        }
    }
}
