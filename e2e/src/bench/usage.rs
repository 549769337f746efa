//! CPU time and memory of processes, as the kernel counts them.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use karez_lab::mesh::Carrier;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// CPU-seconds that proxies, agents and their children have spent, user and system, all threads included.
///
/// # Errors
/// When one is gone: then the path was not what it is taken for.
pub fn cpu_seconds(carriers: &[Carrier]) -> Result<f64> {
    let tick = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
    let mut ticks = 0;
    for carrier in carriers {
        for process in [Some(carrier.proxy), carrier.agent].into_iter().flatten() {
            ticks += sum(process, "stat", cpu_ticks)?;
        }
    }
    Ok(ticks as f64 / tick)
}

/// Resident memory of the largest proxy, its children included, in KiB. Agents are left out: they hold nothing for a connection.
///
/// # Errors
/// When one is gone.
pub fn resident_kib(carriers: &[Carrier]) -> Result<u64> {
    let mut largest = 0;
    for carrier in carriers {
        largest = largest.max(memory_kib(carrier.proxy)?);
    }
    Ok(largest)
}

/// Resident memory of a process and its children, in KiB.
///
/// # Errors
/// When it is gone.
pub fn memory_kib(process: u32) -> Result<u64> {
    sum(process, "status", resident)
}

/// CPU time that a process has spent, user and system, all threads included, its children not: finer than the ticks of /proc.
///
/// # Errors
/// When it is gone.
pub fn cpu_time(process: u32) -> Result<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(i32::try_from(process)?));
    let clock = clock.with_context(|| format!("no CPU clock of process {process}"))?;
    Ok(clock_gettime(clock)?.into())
}

/// Of a process and those that it has started.
fn sum(process: u32, file: &str, figure: impl Copy + Fn(&str) -> Option<u64>) -> Result<u64> {
    let own =
        figure(&read(process, file)?).with_context(|| format!("no figure in {file} of process {process}"))?;
    // A child may end at any time; what it spent is its parent's then.
    let children = read(process, &format!("task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    Ok(own + children.filter_map(|child| sum(child, file, figure).ok()).sum::<u64>())
}

fn read(process: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{process}/{file}");
    fs::read_to_string(&path).with_context(|| path)
}

/// utime, stime, cutime and cstime of /proc/PID/stat (proc_pid_stat(5)): fields 14 to 17, counted after the name, which may hold
/// anything. The latter two are those of children that have ended.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = 0;
    for _ in 0..4 {
        ticks += fields.next()?.parse::<u64>().ok()?;
    }
    Some(ticks)
}

fn resident(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
