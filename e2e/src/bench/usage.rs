//! CPU time and memory of processes, as the kernel counts them.

use std::fs;

use anyhow::{Context as _, Result};

/// CPU-seconds that these processes have spent, user and system, their threads included.
///
/// # Errors
/// When one is gone: then the path was not what it is taken for.
pub fn cpu_seconds(processes: &[u32]) -> Result<f64> {
    let tick = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
    let mut ticks = 0;
    for process in processes {
        ticks +=
            cpu_ticks(&read(*process, "stat")?).with_context(|| format!("CPU time of process {process}"))?;
    }
    Ok(ticks as f64 / tick)
}

/// Resident memory of these processes together, in KiB.
///
/// # Errors
/// When one is gone.
pub fn resident_kib(processes: &[u32]) -> Result<u64> {
    processes
        .iter()
        .map(|process| {
            resident(&read(*process, "status")?)
                .with_context(|| format!("resident memory of process {process}"))
        })
        .sum()
}

fn read(process: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{process}/{file}");
    fs::read_to_string(&path).with_context(|| path)
}

/// utime and stime of /proc/PID/stat (proc_pid_stat(5)): fields 14 and 15, counted after the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn resident(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
