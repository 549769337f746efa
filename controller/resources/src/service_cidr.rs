//! `ServiceCIDR`: where a cluster's Services get their addresses from.

use k8s_openapi::api::networking::v1 as k8s;

use crate::ip_block::IpBlock;
use crate::metadata::Metadata;
use crate::problem::FieldError;
use crate::resource::Kind;

/// Prefixes of Services' addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCidr {
    /// Its name.
    pub name: String,
    /// One for each address family.
    pub ranges: Vec<IpBlock>,
}

impl TryFrom<k8s::ServiceCIDR> for ServiceCidr {
    type Error = FieldError;

    fn try_from(object: k8s::ServiceCIDR) -> Result<Self, FieldError> {
        let meta = Metadata::read(Kind::ServiceCidr, object.metadata)?;
        let written = object.spec.and_then(|spec| spec.cidrs).unwrap_or_default();
        let range = |(at, text): (usize, &String)| {
            text.parse().map_err(|message: String| FieldError::new(format!("spec.cidrs[{at}]"), message))
        };
        let ranges = written.iter().enumerate().map(range).collect::<Result<_, _>>()?;
        Ok(Self { name: meta.name, ranges })
    }
}

#[cfg(test)]
mod tests;
