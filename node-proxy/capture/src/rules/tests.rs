use proptest::prelude::*;

use super::*;

fn settings(proxy: Proxy, phase: Phase) -> RuleSettings {
    RuleSettings {
        proxy,
        probes: ["169.254.7.127", "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"]
            .iter()
            .filter_map(|address| address.parse().ok())
            .collect(),
        dns: true,
        ipv6: true,
        phase,
        note: "before 0 0 0 0 60".to_owned(),
    }
}

const KAREZ: Proxy = Proxy::Karez { socket_uid: Some(1_506_015) };
const PERMISSIVE: Phase = Phase::Capturing { close_older: false };
const STRICT: Phase = Phase::Capturing { close_older: true };

/// The rules as they are meant, whole. `KAREZ_GOLDEN=write` writes them anew, for `git diff` to show.
#[test]
fn the_rules_are_the_written_ones() {
    let cases = [
        ("permissive", include_str!("golden/permissive.nft"), settings(KAREZ, PERMISSIVE)),
        ("strict", include_str!("golden/strict.nft"), settings(KAREZ, STRICT)),
        ("leaving", include_str!("golden/leaving.nft"), settings(KAREZ, Phase::Leaving)),
        ("ztunnel", include_str!("golden/ztunnel.nft"), settings(Proxy::Ztunnel, PERMISSIVE)),
        (
            "least",
            include_str!("golden/least.nft"),
            RuleSettings {
                probes: Vec::new(),
                dns: false,
                ipv6: false,
                ..settings(Proxy::Karez { socket_uid: None }, PERMISSIVE)
            },
        ),
    ];
    for (name, golden, settings) in cases {
        let rendered = render(&settings);
        if std::env::var_os("KAREZ_GOLDEN").is_some_and(|what| what == "write") {
            let path = format!("{}/src/rules/golden/{name}.nft", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, &rendered).unwrap();
        } else {
            assert_eq!(rendered, golden, "{name}");
        }
    }
}

#[test]
fn the_table_is_replaced_in_one_transaction_and_removed_if_it_is_there() {
    let opening = "add table inet karez\ndelete table inet karez\n";
    assert!(render(&settings(KAREZ, PERMISSIVE)).starts_with(opening));
    assert_eq!(render_removal(), opening);
}

fn any_settings() -> impl Strategy<Value = RuleSettings> {
    let proxy = prop_oneof![
        any::<Option<u32>>().prop_map(|socket_uid| Proxy::Karez { socket_uid }),
        Just(Proxy::Ztunnel)
    ];
    let phase = prop_oneof![
        any::<bool>().prop_map(|close_older| Phase::Capturing { close_older }),
        Just(Phase::Leaving)
    ];
    let probes = prop::collection::vec(any::<IpAddr>(), 0..4);
    (proxy, probes, any::<bool>(), any::<bool>(), phase).prop_map(|(proxy, probes, dns, ipv6, phase)| {
        RuleSettings { proxy, probes, dns, ipv6, phase, note: "note".to_owned() }
    })
}

proptest! {
    #[test]
    fn whatever_the_settings_marked_packets_are_confined(settings in any_settings()) {
        let rules = render(&settings);
        prop_assert!(rules.contains("\t\toif \"lo\" accept\n\t\tmeta mark & 0xfff == 0x111 drop\n"));
    }

    #[test]
    fn only_first_packets_are_redirected(settings in any_settings()) {
        for rule in render(&settings).lines().filter(|line| line.contains("redirect")) {
            prop_assert!(rule.contains(SYN) || rule.contains("udp"), "{}", rule);
        }
    }

    #[test]
    fn translation_lasts_as_long_as_the_table(settings in any_settings()) {
        let rules = render(&settings);
        prop_assert!(rules.contains("type nat hook output") && rules.contains("type nat hook prerouting"));
        let redirects = rules.contains("redirect");
        prop_assert_eq!(redirects, settings.phase != Phase::Leaving);
    }

    #[test]
    fn redirection_and_delivery_can_be_ended_whatever_the_settings(settings in any_settings()) {
        let rules = render(&settings);
        for chain in ["outbound", "inbound"] {
            prop_assert!(rules.contains(&format!("\tchain {chain} {{\n\t\ttype nat ")), "{}", chain);
            let flush = format!("flush chain inet karez {chain}\n");
            prop_assert!(render_release().contains(&flush), "{}", chain);
        }
        prop_assert!(!rules.contains("seal"), "its chain is made by the release alone");
        let refused = format!("meta mark & 0xfff == 0x111 {SYN} reject with tcp reset\n");
        prop_assert!(render_release().ends_with(&refused));
    }

    #[test]
    fn the_mark_passes_only_with_its_owner(settings in any_settings()) {
        let Proxy::Karez { socket_uid: Some(uid) } = settings.proxy else { return Ok(()) };
        // What a rule keeps from being tracked may be refused still, and what another's socket sends is tracked.
        let others = format!("meta skuid != {uid} accept");
        let passing =
            |line: &&str| line.contains("== 0x539") && !line.ends_with(" notrack") && !line.ends_with(&others);
        for rule in render(&settings).lines().filter(passing) {
            prop_assert!(rule.contains(&format!("== 0x539 meta skuid {uid} ")), "{}", rule);
        }
    }

    #[test]
    fn every_jump_has_its_chain_and_every_brace_its_other(settings in any_settings()) {
        let rules = render(&settings);
        for rule in rules.lines() {
            if let Some((_, chain)) = rule.split_once("goto ") {
                prop_assert!(rules.contains(&format!("chain {chain} {{")), "{}", rule);
            }
        }
        prop_assert_eq!(rules.matches('{').count(), rules.matches('}').count());
    }
}
