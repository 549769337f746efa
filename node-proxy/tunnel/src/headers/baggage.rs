//! `baggage`: the names of the source workload (W3C Baggage, with the keys that Istio uses).

use std::fmt;

use http::HeaderMap;

use super::{BAGGAGE, text};

/// The object that a Pod belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadKind {
    /// Deployments and all other controllers of long-running Pods.
    Deployment,
    /// CronJobs.
    CronJob,
    /// Jobs.
    Job,
    /// A Pod without a controller.
    Pod,
}

impl WorkloadKind {
    const ALL: [Self; 4] = [Self::Deployment, Self::CronJob, Self::Job, Self::Pod];

    fn key(self) -> &'static str {
        match self {
            Self::Deployment => "k8s.deployment.name",
            Self::CronJob => "k8s.cronjob.name",
            Self::Job => "k8s.job.name",
            Self::Pod => "k8s.pod.name",
        }
    }
}

/// How a peer describes itself: labels for telemetry, nothing more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Baggage {
    /// Cluster id.
    pub cluster: Option<String>,
    /// Kubernetes namespace.
    pub namespace: Option<String>,
    /// The object that the Pod belongs to.
    pub workload: Option<(WorkloadKind, String)>,
    /// Canonical name of the application.
    pub service: Option<String>,
    /// Canonical revision.
    pub version: Option<String>,
    /// Cloud region.
    pub region: Option<String>,
    /// Cloud availability zone.
    pub zone: Option<String>,
}

/// W3C Baggage section 3.3.2 asks for 8192 bytes and 64 members.
const LONGEST: usize = 8192;
const MOST_MEMBERS: usize = 64;

impl Baggage {
    /// Reads a request's header; empty if it is absent or malformed.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Self {
        text(headers, BAGGAGE, LONGEST).map(Self::parse).unwrap_or_default()
    }

    /// Parses the header's value. Skips unknown and malformed members.
    #[must_use]
    pub fn parse(value: &str) -> Self {
        let mut baggage = Self::default();
        for member in value.split(',').take(MOST_MEMBERS) {
            // Properties after the value are metadata of the member.
            let pair = member.split(';').next().and_then(|pair| pair.split_once('='));
            if let Some((key, value)) = pair
                && let Some(value) = decode(value.trim_matches([' ', '\t']))
            {
                baggage.set(key.trim_matches([' ', '\t']), value);
            }
        }
        baggage
    }

    fn set(&mut self, key: &str, value: String) {
        if let Some(kind) = WorkloadKind::ALL.into_iter().find(|kind| kind.key() == key) {
            self.workload = Some((kind, value));
            return;
        }
        let field = match key {
            "k8s.cluster.name" => &mut self.cluster,
            "k8s.namespace.name" => &mut self.namespace,
            "service.name" => &mut self.service,
            "service.version" => &mut self.version,
            "cloud.region" => &mut self.region,
            "cloud.availability_zone" => &mut self.zone,
            _ => return,
        };
        *field = Some(value);
    }

    fn members(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let workload = self.workload.as_ref().map(|(kind, name)| (kind.key(), name));
        [
            ("k8s.cluster.name", self.cluster.as_ref()),
            ("k8s.namespace.name", self.namespace.as_ref()),
            (workload.map_or("", |(key, _)| key), workload.map(|(_, name)| name)),
            ("service.name", self.service.as_ref()),
            ("service.version", self.version.as_ref()),
            ("cloud.region", self.region.as_ref()),
            ("cloud.availability_zone", self.zone.as_ref()),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?.as_str())))
    }
}

impl fmt::Display for Baggage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (key, value)) in self.members().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            write!(f, "{separator}{key}={}", Encoded(value))?;
        }
        Ok(())
    }
}

/// Percent-encodes the bytes that a baggage value may not contain (W3C Baggage section 3.2.1.3).
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\' | b'%') {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// None unless the decoded text is UTF-8 without control characters.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
            bytes.push(high << 4 | low);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
