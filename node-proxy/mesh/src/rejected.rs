//! Why a wire object is rejected, and the field parsers that say so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use karez_api::identity::InvalidIdentity;

/// A malformed wire object. Its last good version, if any, stays in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct Rejected {
    /// The resource's name: a uid, `namespace/hostname`, `namespace/name`, or a namespace.
    pub name: String,
    /// The reason.
    pub reason: Reason,
}

/// Why a wire object is rejected. Fields are named as in the .proto files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A required field is empty.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// An address whose length fits no family.
    #[error("{field} holds an address of {bytes} bytes, neither 4 (IPv4) nor 16 (IPv6)")]
    AddressLength {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// A prefix longer than its address.
    #[error("{field} holds {address}/{length}: the prefix is longer than the address")]
    PrefixLength {
        /// The field.
        field: &'static str,
        /// The address.
        address: IpAddr,
        /// Length in bits.
        length: u32,
    },
    /// A text that is not ADDRESS/LENGTH.
    #[error("{field} holds {text:?}, which is not a prefix such as 10.0.0.0/8")]
    Prefix {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// A number that is no TCP port.
    #[error("{field} holds {value}, which is not a port")]
    Port {
        /// The field.
        field: &'static str,
        /// The number.
        value: u32,
    },
    /// A number that this version does not know.
    #[error("{field} holds {value}, which this version does not know")]
    UnknownValue {
        /// The field.
        field: &'static str,
        /// The number.
        value: i32,
    },
    /// A text that is not two names joined by a slash.
    #[error("{field} holds {text:?}, which is not of the form NAMESPACE/NAME")]
    QualifiedName {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// The object's name differs from its resource's.
    #[error("it names itself {found}")]
    OtherName {
        /// The object's name.
        found: String,
    },
    /// Its trust domain, namespace and service account make no SPIFFE id.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
}

/// Requires a text that is not empty.
pub(crate) fn required(field: &'static str, text: &str) -> Result<(), Reason> {
    if text.is_empty() { Err(Reason::Missing { field }) } else { Ok(()) }
}

/// An address from bytes in network order. IPv4-mapped ones become IPv4.
pub(crate) fn address(field: &'static str, bytes: &[u8]) -> Result<IpAddr, Reason> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(v4).into());
    }
    let v6 = <[u8; 16]>::try_from(bytes).map_err(|_| Reason::AddressLength { field, bytes: bytes.len() })?;
    Ok(IpAddr::from(Ipv6Addr::from(v6)).to_canonical())
}

/// Distinct addresses in the given order.
pub(crate) fn addresses(field: &'static str, wire: &[impl AsRef<[u8]>]) -> Result<Vec<IpAddr>, Reason> {
    let mut found = Vec::with_capacity(wire.len());
    for bytes in wire {
        let address = address(field, bytes.as_ref())?;
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// A prefix from an address and a length in bits. Within the IPv4-mapped range it becomes IPv4.
pub(crate) fn prefix(field: &'static str, bytes: &[u8], length: u32) -> Result<IpNet, Reason> {
    const MAPPED_BITS: u32 = 96;
    let address = address(field, bytes)?;
    let was_mapped = bytes.len() == 16 && address.is_ipv4();
    let (address, bits) = match (was_mapped, length.checked_sub(MAPPED_BITS)) {
        (false, _) => (address, length),
        (true, Some(bits)) => (address, bits),
        // Wider than the mapped range: it stays an IPv6 prefix.
        (true, None) => (unmapped(address), length),
    };
    let too_long = Reason::PrefixLength { field, address, length };
    let Ok(bits) = u8::try_from(bits) else { return Err(too_long) };
    IpNet::new(address, bits).map(|net| net.trunc()).map_err(|_| too_long)
}

fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(_) => address,
    }
}

/// A port other than zero.
pub(crate) fn port(field: &'static str, value: u32) -> Result<u16, Reason> {
    match port_or_none(field, value)? {
        Some(port) => Ok(port),
        None => Err(Reason::Port { field, value }),
    }
}

/// A port; `None` for zero.
pub(crate) fn port_or_none(field: &'static str, value: u32) -> Result<Option<u16>, Reason> {
    let port = u16::try_from(value).map_err(|_| Reason::Port { field, value })?;
    Ok((port != 0).then_some(port))
}

/// A value of a wire enum.
pub(crate) fn known<T: TryFrom<i32>>(field: &'static str, value: i32) -> Result<T, Reason> {
    T::try_from(value).map_err(|_| Reason::UnknownValue { field, value })
}

#[cfg(test)]
mod tests;
