use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use karez_lab::mesh::Carrier;
use karez_lab::wait;

use super::{cpu_seconds, cpu_ticks, read, resident, resident_kib};

#[test]
fn reads_what_the_kernel_writes() {
    let stat = "42 (a) name) S 1 1 1 0 -1 4194560 100 0 0 0 70 30 4 3 20 0 1 0 5 6 7";
    assert_eq!(cpu_ticks(stat), Some(107));
    assert_eq!(resident("Name:\tx\nVmRSS:\t   1234 kB\n"), Some(1234));
}

#[test]
fn this_process_has_memory_and_a_missing_one_is_an_error() {
    let me = Carrier { proxy: std::process::id(), agent: None };
    assert!(resident_kib(&[me]).unwrap() > 100);
    assert!(cpu_seconds(&[me]).unwrap() >= 0.0);
    assert!(cpu_seconds(&[me, Carrier { proxy: u32::MAX, agent: None }]).is_err());
}

#[test]
fn children_count_as_the_proxy() {
    let mut shell = Command::new("sh").args(["-c", "cat; :"]).stdin(Stdio::piped()).spawn().unwrap();
    let with_children = wait::until("the shell's child", Duration::from_secs(10), || {
        let alone = resident(&read(shell.id(), "status")?).context("no figure")?;
        let tree = resident_kib(&[Carrier { proxy: shell.id(), agent: None }])?;
        ensure!(tree > alone, "{tree} KiB, of which {alone} KiB its own");
        Ok(())
    });
    drop(shell.stdin.take());
    shell.wait().unwrap();
    with_children.unwrap();
}
