use std::time::Instant;

use super::*;

const AMPLE: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]);
    shell
}

#[test]
fn a_program_gets_its_input_and_gives_its_output() {
    let output = output_within(AMPLE, shell("cat; echo no >&2; exit 3"), "to and fro").unwrap();
    assert_eq!(
        (output.status.code(), &*output.stdout, &*output.stderr),
        (Some(3), &b"to and fro"[..], &b"no\n"[..])
    );
}

#[test]
fn a_program_that_does_not_read_is_no_error() {
    let larger_than_a_pipe = "x".repeat(1 << 20);
    assert!(output_within(AMPLE, shell("exec <&-"), &larger_than_a_pipe).unwrap().status.success());
}

#[test]
fn a_program_that_does_not_end_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    let begin = Instant::now();
    let endless = shell(&format!("echo $$ > {}; exec sleep 600", path.display()));
    let error = output_within(Duration::from_secs(1), endless, "").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(begin.elapsed() < AMPLE);
    let pid: i32 = std::fs::read_to_string(path).unwrap().trim().parse().unwrap();
    while kill(Pid::from_raw(pid), None).is_ok() {
        assert!(begin.elapsed() < AMPLE, "it lives on");
        thread::yield_now();
    }
}

#[test]
fn a_program_that_is_not_there_is_said_to_be_so() {
    let error = output_within(AMPLE, Command::new("/no/such/program"), "").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
