//! The reason that a wire object is not taken, and the field readers that give it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use karez_api::identity::InvalidIdentity;

/// A wire object that cannot be read. Its last good version, if any, stays in force.
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
    /// A field that must have a value has none.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// An address of a length that no family has.
    #[error("{field} holds an address of {bytes} bytes, neither 4 (IPv4) nor 16 (IPv6)")]
    AddressLength {
        /// The field.
        field: &'static str,
        /// How many bytes it has.
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
    /// A number that no TCP port has.
    #[error("{field} holds {value}, which is not a port")]
    Port {
        /// The field.
        field: &'static str,
        /// The number.
        value: u32,
    },
    /// A number that this version knows no meaning of.
    #[error("{field} holds {value}, which this version does not know")]
    UnknownValue {
        /// The field.
        field: &'static str,
        /// The number.
        value: i32,
    },
    /// A text that is not two names with a slash between.
    #[error("{field} holds {text:?}, which is not of the form NAMESPACE/NAME")]
    QualifiedName {
        /// The field.
        field: &'static str,
        /// The text.
        text: String,
    },
    /// The object says that it is another than the resource that carried it.
    #[error("it names itself {found}")]
    OtherName {
        /// The name that it gives itself.
        found: String,
    },
    /// Its trust domain, namespace and service account make no SPIFFE id.
    #[error(transparent)]
    Identity(#[from] InvalidIdentity),
}

/// A text that must not be empty.
pub(crate) fn required(field: &'static str, text: &str) -> Result<(), Reason> {
    if text.is_empty() { Err(Reason::Missing { field }) } else { Ok(()) }
}

/// An address from its bytes in network order; IPv4-mapped ones become IPv4.
pub(crate) fn address(field: &'static str, bytes: &[u8]) -> Result<IpAddr, Reason> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(v4).into());
    }
    let v6 = <[u8; 16]>::try_from(bytes).map_err(|_| Reason::AddressLength { field, bytes: bytes.len() })?;
    Ok(IpAddr::from(Ipv6Addr::from(v6)).to_canonical())
}

/// Addresses without repetition, in the order given.
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

/// A prefix from its address and its length in bits; within the IPv4-mapped range it becomes IPv4.
pub(crate) fn prefix(field: &'static str, bytes: &[u8], length: u32) -> Result<IpNet, Reason> {
    const MAPPED_BITS: u32 = 96;
    let address = address(field, bytes)?;
    let was_mapped = bytes.len() == 16 && address.is_ipv4();
    let (address, bits) = match (was_mapped, length.checked_sub(MAPPED_BITS)) {
        (false, _) => (address, length),
        (true, Some(bits)) => (address, bits),
        // Wider than the mapped range: a prefix of IPv6, which it stays.
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

/// A port, zero excluded.
pub(crate) fn port(field: &'static str, value: u32) -> Result<u16, Reason> {
    match port_or_none(field, value)? {
        Some(port) => Ok(port),
        None => Err(Reason::Port { field, value }),
    }
}

/// A port, or nothing where the wire says zero.
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
