//! Changes at a steady pace, whoever is slow; and how long each was on its way.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::objects;
use super::proxies::{Arrival, Proxies};
use crate::peer::latency::{Percentiles, percentiles};

/// Between two changes.
const INTERVAL: Duration = Duration::from_millis(100);
/// For what is still on its way after the last change.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(60);

/// How long changes were on their way, from before they were made until a proxy was told.
#[derive(Debug, Clone, Copy)]
pub struct Pushes {
    /// Of every change to every proxy.
    pub each: Percentiles,
    /// Of every change to the last of its proxies.
    pub last: Percentiles,
}

impl Pushes {
    /// From the times that each change took to each proxy.
    #[must_use]
    pub fn of(changes: &[Vec<Duration>]) -> Self {
        let nanoseconds = |time: &Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self {
            each: percentiles(changes.iter().flatten().map(nanoseconds).collect()),
            last: percentiles(
                changes.iter().filter_map(|times| times.iter().max()).map(nanoseconds).collect(),
            ),
        }
    }
}

/// How many changes there are in so many seconds.
#[must_use]
pub fn count(seconds: u32) -> u32 {
    let a_second = u32::try_from(Duration::from_secs(1).div_duration_f64(INTERVAL) as u64).unwrap_or(1);
    seconds.saturating_mul(a_second)
}

/// The Pods that are to change: so many, spread over a mesh.
#[must_use]
pub fn spread(pods: u32, changes: u32) -> BTreeSet<u32> {
    let changes = changes.clamp(1, pods.max(1));
    (0..changes).map(|change| change * (pods / changes)).collect()
}

/// Changes each of the Pods by `change`, one after another, and waits until every proxy was told each.
///
/// # Errors
/// When a change cannot be made, or does not arrive.
pub fn make(
    pods: &BTreeSet<u32>,
    proxies: &Proxies,
    mut change: impl FnMut(u32) -> Result<()>,
) -> Result<Pushes> {
    proxies.begin_measuring();
    let mut made = HashMap::new();
    pace(pods, |pod| {
        made.insert(objects::resource_name(pod), Instant::now());
        change(pod)
    })?;
    let expected = pods.len() * usize::try_from(proxies.count())?;
    let arrivals = proxies.end_measuring(expected, ARRIVAL_LIMIT)?;
    Ok(Pushes::of(&times(&made, arrivals)?))
}

/// Calls `change` for each of the Pods at the pace of the bench.
///
/// # Errors
/// When one cannot be made.
pub fn pace(pods: &BTreeSet<u32>, mut change: impl FnMut(u32) -> Result<()>) -> Result<()> {
    let mut due = Instant::now();
    for pod in pods {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        change(*pod)?;
        due += INTERVAL;
    }
    Ok(())
}

/// For each change the times that it took to each proxy.
fn times(made: &HashMap<String, Instant>, arrivals: Vec<Arrival>) -> Result<Vec<Vec<Duration>>> {
    let mut times: HashMap<String, Vec<Duration>> = HashMap::new();
    for Arrival { resource, at } in arrivals {
        let made = made.get(&resource).with_context(|| format!("{resource} was sent and did not change"))?;
        times.entry(resource).or_default().push(at.saturating_duration_since(*made));
    }
    Ok(times.into_values().collect())
}

#[cfg(test)]
mod tests;
