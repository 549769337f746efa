use super::*;

fn parse(arguments: &[&str]) -> Result<Settings, clap::Error> {
    Settings::try_parse_from(std::iter::once(&"karez").chain(arguments))
}

#[test]
fn the_command_line_is_consistent() {
    use clap::CommandFactory;
    Settings::command().debug_assert();
}

#[test]
fn pods_are_named_by_namespace_and_name() {
    let pod: PodName = "shop/web-0.a".parse().unwrap();
    assert_eq!((&*pod.namespace, &*pod.name), ("shop", "web-0.a"));
    for wrong in [
        "",
        "web",
        "/web",
        "shop/",
        "shop/web/0",
        "Shop/web",
        "shop/-web",
        "shop/we b",
        "../web",
        "shop/web\nx",
    ] {
        assert!(wrong.parse::<PodName>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_rotation_waits_as_far_as_it_is_told() {
    let step = |arguments: &[&str]| {
        let common = ["ca", "rotate", "--controller-ca=a", "--token-file=b"];
        let settings = parse(&[&common, arguments].concat()).unwrap();
        let Command::Ca(CaCommand::Rotate(command)) = settings.command else { panic!() };
        command.wait
    };
    assert_eq!(step(&[]), None);
    assert_eq!(step(&["--wait"]), Some(WaitFor::Signing));
    assert_eq!(step(&["--wait=dropped"]), Some(WaitFor::Dropped));
}

#[test]
fn the_format_may_stand_anywhere() {
    for arguments in [["--output=json", "pod", "list"], ["pod", "list", "--output=json"]] {
        assert_eq!(parse(&arguments).unwrap().output, Format::Json);
    }
}
