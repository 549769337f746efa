//! What the operator is told of claims to addresses.

use std::net::IpAddr;

use super::claimant::Claimant;
use super::{Claims, Reserved};
use crate::output::Output;
use crate::report::Effect;

impl<'a> Claims<'a> {
    pub(crate) fn report(&self, output: &mut Output) {
        for claimant in &self.claimants {
            if let Some((message, effect)) = self.finding(claimant) {
                output.report(&claimant.key(), claimant.field(), &message, effect);
            }
        }
        for (claimant, first) in self.given_up.iter().filter_map(|pod| Some((pod, self.claimants.first()?))) {
            let message = shared(self.address, first);
            output.report(&claimant.key(), claimant.field(), &message, Effect::Nothing);
        }
    }

    /// What is wrong with one claim.
    fn finding(&self, claimant: &Claimant<'a>) -> Option<(String, Effect)> {
        let Self { address, claimants, .. } = self;
        let address = *address;
        if let Some(rival) = claimants.iter().find(|rival| rival.party() != claimant.party()) {
            // Every Pod of a node has its address: one of them says it.
            let is_said = claimant.shares_node()
                && claimants.iter().find(|first| first.shares_node()).map(Claimant::key)
                    != Some(claimant.key());
            return (!is_said).then(|| (conflict(address, rival), Effect::Refused));
        }
        if claimant.is_service() && self.is_outside() {
            return Some((outside(address), Effect::Refused));
        }
        let first = claimants.first().filter(|first| first.key() != claimant.key() && !first.shares_node());
        if let Some(first) = first {
            return Some((shared(address, first), Effect::Nothing));
        }
        let is_open = claimant.is_service() && !self.is_configured() && !is_private(address);
        is_open.then(|| (public(address), Effect::AsWritten))
    }
}

impl Reserved<'_> {
    /// Why the address of a slice's endpoint is not used.
    pub(crate) fn message(self, address: IpAddr) -> String {
        match self {
            Self::Service(service) => format!(
                "{address} is Service {}/{}'s own address, not an endpoint's",
                service.namespace, service.name
            ),
            Self::Contested => {
                format!("{address} is contested, so it is no endpoint: see who claims it")
            }
            Self::Unheld => format!(
                "{address} lies in the Mesh's addressRanges and no Pod has it, so it is no endpoint: correct it, or narrow \
                 addressRanges"
            ),
        }
    }
}

fn conflict(address: IpAddr, rival: &Claimant<'_>) -> String {
    format!("{rival} claims {address} too: connections to it are refused until one of the two gives it up")
}

fn shared(address: IpAddr, first: &Claimant<'_>) -> String {
    format!("{address} is also {first}'s, which is served there")
}

fn outside(address: IpAddr) -> String {
    format!(
        "{address} lies outside the Mesh's addressRanges, so it may be a host's that is none of the mesh: connections to it are \
         refused until a range has it or the Service gives it up"
    )
}

fn public(address: IpAddr) -> String {
    format!(
        "{address} is a public address: if a host of the internet has it, this Service draws its traffic; list the mesh's own \
         ranges in the Mesh's addressRanges"
    )
}

/// No host of the internet has it (RFC 1918, 6598, 2544, 3927, 5737; RFC 4193, 4291, 3849).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            let is_benchmark = first == 198 && second & 0xfe == 18;
            v4.is_private() || v4.is_link_local() || v4.is_documentation() || is_shared || is_benchmark
        }
        IpAddr::V6(v6) => {
            let is_documentation = v6.segments().starts_with(&[0x2001, 0xdb8]);
            v6.is_unique_local() || v6.is_unicast_link_local() || is_documentation
        }
    }
}
