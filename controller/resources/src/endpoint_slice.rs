//! `EndpointSlice`: who stands behind a Service.

use std::net::IpAddr;

use k8s_openapi::api::discovery::v1 as k8s;
use karez_api::names::label;

use crate::metadata::Metadata;
use crate::pod::{address, is_tcp, port_number};
use crate::problem::FieldError;
use crate::resource::Kind;
use crate::unsupported::{self, Unsupported};

/// What the mesh reads of an EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSlice {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Service of the same namespace that it belongs to.
    pub service: Option<String>,
    /// Who; none for addresses that are host names, which nothing can be tunnelled to.
    pub endpoints: Vec<Endpoint>,
    /// The TCP ports that all of them have.
    pub ports: Vec<EndpointPort>,
    /// What it says and the mesh does not do.
    pub unsupported: Vec<Unsupported>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is.
    pub addresses: Vec<IpAddr>,
    /// Whether it takes connections.
    pub readiness: Readiness,
    /// The Pod of the same namespace that it is, if it is one.
    pub pod: Option<String>,
    /// The node that it runs on.
    pub node: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
}

/// Whether an endpoint takes connections: its conditions as KEP-1669 gives them a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It is being deleted and still serves: it does where nobody is ready.
    Terminating,
    /// It does not.
    NotReady,
}

/// A port of every endpoint of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPort {
    /// The Service's port of the same name.
    pub name: String,
    /// The endpoint's port.
    pub port: u16,
}

impl TryFrom<k8s::EndpointSlice> for EndpointSlice {
    type Error = FieldError;

    fn try_from(object: k8s::EndpointSlice) -> Result<Self, FieldError> {
        let unsupported = unsupported::of_endpoint_slice(&object);
        let mut meta = Metadata::read(Kind::EndpointSlice, object.metadata)?;
        let endpoints = match object.address_type.as_str() {
            "IPv4" | "IPv6" => endpoints(object.endpoints.unwrap_or_default())?,
            "FQDN" => Vec::new(),
            other => {
                return Err(FieldError::new(
                    "addressType",
                    format!("{other:?} is not one of: IPv4, IPv6, FQDN"),
                ));
            }
        };
        Ok(Self {
            service: meta.labels.remove(label::SERVICE_NAME),
            endpoints,
            ports: ports(object.ports.unwrap_or_default())?,
            unsupported,
            namespace: meta.namespace,
            name: meta.name,
        })
    }
}

impl Readiness {
    fn of(conditions: &k8s::EndpointConditions) -> Self {
        // What is absent is ready, serves if it is ready, and does not terminate.
        let ready = conditions.ready.unwrap_or(true);
        let serving = conditions.serving.unwrap_or(ready);
        match (ready, serving && conditions.terminating.unwrap_or(false)) {
            (true, _) => Self::Ready,
            (false, true) => Self::Terminating,
            (false, false) => Self::NotReady,
        }
    }
}

fn endpoints(written: Vec<k8s::Endpoint>) -> Result<Vec<Endpoint>, FieldError> {
    let read = |(at, endpoint): (usize, k8s::Endpoint)| {
        let addresses = endpoint.addresses.iter().enumerate();
        let addresses =
            addresses.map(|(index, text)| address(&format!("endpoints[{at}].addresses[{index}]"), text));
        Ok(Endpoint {
            addresses: addresses.collect::<Result<_, FieldError>>()?,
            readiness: Readiness::of(&endpoint.conditions.unwrap_or_default()),
            pod: endpoint
                .target_ref
                .filter(|target| target.kind.as_deref() == Some("Pod"))
                .and_then(|target| target.name),
            node: endpoint.node_name,
            zone: endpoint.zone,
        })
    };
    written.into_iter().enumerate().map(read).collect()
}

fn ports(written: Vec<k8s::EndpointPort>) -> Result<Vec<EndpointPort>, FieldError> {
    let mut ports = Vec::new();
    for (at, port) in written.into_iter().enumerate() {
        // A port without a number means all ports, which only a headless Service may have; no client asks for it by number.
        let Some(number) = port.port else { continue };
        let number = port_number(&format!("ports[{at}].port"), number.into())?;
        if is_tcp(&format!("ports[{at}].protocol"), port.protocol.as_deref())? {
            ports.push(EndpointPort { name: port.name.unwrap_or_default(), port: number });
        }
    }
    Ok(ports)
}

#[cfg(test)]
mod tests;
