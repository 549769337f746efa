use std::process::Command as Process;
use std::time::Duration;

use super::*;

/// Settings of a program with a subcommand.
#[derive(Debug, Parser)]
#[command(name = "karez-test")]
struct Settings {
    /// How long.
    #[arg(long, default_value = "10s", value_parser = crate::duration::parse)]
    drain_deadline: Duration,
    #[arg(long)]
    server_name: Vec<String>,
    #[command(flatten)]
    logs: crate::logs::LogSettings,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Rotate {
        #[arg(long)]
        wait: bool,
    },
}

fn read_with(arguments: &[&str], variables: &[&str]) -> Result<Settings, clap::Error> {
    let arguments = std::iter::once("karez-test").chain(arguments.iter().copied());
    read(arguments.map(OsString::from), variables.iter().map(OsString::from))
}

#[test]
fn flags_are_read() {
    let settings =
        read_with(&["--drain-deadline", "1m", "--server-name", "a,b", "rotate", "--wait"], &[]).unwrap();
    assert_eq!(settings.drain_deadline, Duration::from_secs(60));
    assert_eq!(settings.server_name, ["a", "b"]);
    assert!(matches!(settings.action, Some(Action::Rotate { wait: true })));
    assert_eq!(settings.logs.log_format, crate::logs::LogFormat::Text);
}

#[test]
fn an_unknown_flag_is_an_error() {
    let error = read_with(&["--drain-dedline", "1m"], &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownArgument);
    assert!(error.to_string().contains("--drain-deadline"), "{error}");
}

#[test]
fn an_unknown_variable_is_an_error_that_names_it_and_the_nearest() {
    let error = read_with(&[], &["PATH", "KAREZ_WAIT", "KAREZ_DRAIN_DEDLINE"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownArgument);
    let text = error.to_string();
    let expected = "environment variable KAREZ_DRAIN_DEDLINE is no setting of karez-test; the nearest is KAREZ_DRAIN_DEADLINE";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn variables_of_the_program_and_of_kubelet_are_none_of_that() {
    let known = ["KAREZ_DRAIN_DEADLINE", "KAREZ_SERVER_NAME", "KAREZ_LOG_LEVEL", "KAREZ_WAIT"];
    assert!(read_with(&[], &known).is_ok());
    let links = [
        "KAREZ_CONTROLLER_SERVICE_HOST",
        "KAREZ_CONTROLLER_SERVICE_PORT",
        "KAREZ_CONTROLLER_SERVICE_PORT_GRPC",
        "KAREZ_CONTROLLER_PORT",
        "KAREZ_CONTROLLER_PORT_15012_TCP_ADDR",
    ];
    assert!(read_with(&[], &links).is_ok());
    assert!(read_with(&[], &["KAREZ_CONTROLLER_PORT"]).is_err());
}

#[test]
fn help_and_version_come_before_the_environment() {
    for (flag, kind) in [("--help", ErrorKind::DisplayHelp), ("--version", ErrorKind::DisplayVersion)] {
        let answer = read_with(&[flag], &["KAREZ_NONE"]).unwrap_err();
        assert_eq!(answer.kind(), kind);
    }
    let help = read_with(&["--help"], &[]).unwrap_err().to_string();
    assert!(help.contains("[env: KAREZ_DRAIN_DEADLINE]"), "{help}");
}

/// [`the_environment_is_read`] runs it in a child process, because a process cannot safely change its own environment.
#[test]
#[ignore = "the child of another test"]
fn child() {
    let settings = read_with(&["--server-name", "c"], &[]).unwrap();
    print!("{:?} {:?} {:?}", settings.drain_deadline, settings.server_name, settings.logs.log_format);
}

#[test]
fn the_environment_is_read() {
    let output = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "settings::tests::child", "--ignored", "--nocapture"])
        .env("KAREZ_DRAIN_DEADLINE", "3s")
        .env("KAREZ_SERVER_NAME", "a,b")
        .env("KAREZ_LOG_FORMAT", "json")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&output.stdout);
    assert!(output.contains(r#"3s ["c"] Json"#), "{output}");
}
