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

/// A mark that only the tests know.
fn karez() -> Proxy {
    Proxy::Karez { mark: PodMark::new(0xabcd_e000) }
}

const PERMISSIVE: Phase = Phase::Capturing { close_older: false };
const STRICT: Phase = Phase::Capturing { close_older: true };

/// The complete rules. `KAREZ_GOLDEN=write` writes them anew; check them with `git diff`.
#[test]
fn the_rules_are_the_written_ones() {
    let cases = [
        ("permissive", include_str!("golden/permissive.nft"), settings(karez(), PERMISSIVE)),
        ("strict", include_str!("golden/strict.nft"), settings(karez(), STRICT)),
        ("leaving", include_str!("golden/leaving.nft"), settings(karez(), Phase::Leaving)),
        ("ztunnel", include_str!("golden/ztunnel.nft"), settings(Proxy::Ztunnel, PERMISSIVE)),
        (
            "least",
            include_str!("golden/least.nft"),
            RuleSettings { probes: Vec::new(), dns: false, ipv6: false, ..settings(karez(), PERMISSIVE) },
        ),
    ];
    for (name, golden, settings) in cases {
        compare(name, golden, &render(&settings));
    }
}

fn compare(name: &str, golden: &str, rendered: &str) {
    if std::env::var_os("KAREZ_GOLDEN").is_some_and(|what| what == "write") {
        let path = format!("{}/src/rules/golden/{name}.nft", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, rendered).unwrap();
    } else {
        assert_eq!(rendered, golden, "{name}");
    }
}

#[test]
fn the_table_is_replaced_in_one_transaction_and_removed_if_it_is_there() {
    let opening = "add table inet karez\ndelete table inet karez\n";
    assert!(render(&settings(karez(), PERMISSIVE)).starts_with(opening));
    assert_eq!(render_removal(), opening);
}

fn any_settings() -> impl Strategy<Value = RuleSettings> {
    let proxy = prop_oneof![
        any::<u32>().prop_map(|random| Proxy::Karez { mark: PodMark::new(random) }),
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
    fn what_everybody_knows_of_the_mark_lets_nothing_pass(settings in any_settings()) {
        let Proxy::Karez { .. } = settings.proxy else { return Ok(()) };
        for rule in render(&settings).lines().filter(|line| line.contains("0xfff == 0x539")) {
            prop_assert_eq!(rule.trim(), "meta mark & 0xfff == 0x539 jump claimed");
        }
    }

    #[test]
    fn on_the_wire_begins_only_what_has_the_mark(random in any::<u32>(), devices in prop::collection::vec("[a-z0-9]{1,15}", 1..4)) {
        let mark = PodMark::new(random);
        let rules = wire::render(mark, &devices);
        let at = |text: &str| rules.find(text);
        let (ours, syn) = (at(&format!("meta mark {} goto ours", mark.mark())), at(&format!("{SYN} drop")));
        prop_assert!(ours.is_some() && ours < syn, "{}", rules);
        let names = |device: &String| rules.contains(&format!("\"{device}\""));
        prop_assert!(devices.iter().all(names));
        prop_assert_eq!(rules.matches('{').count(), rules.matches('}').count());
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

/// The complete second table.
#[test]
fn the_rules_of_the_wire_are_the_written_ones() {
    let rendered = wire::render(PodMark::new(0xabcd_e000), &["eth0".to_owned(), "net1".to_owned()]);
    compare("wire", include_str!("golden/wire.nft"), &rendered);
    assert_eq!(wire::render(PodMark::new(1), &[]), wire::render_removal());
}

#[test]
fn a_devices_name_cannot_be_read_as_rules() {
    for plain in ["eth0", "net1.100", "veth@if3", "a_b-c"] {
        assert!(wire::can_name(plain), "{plain}");
    }
    for odd in ["", "a\"b", "a b", "a}", "a\nb", "ä"] {
        assert!(!wire::can_name(odd), "{odd:?}");
    }
}
