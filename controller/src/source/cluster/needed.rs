//! What is kept of an object as it arrives. Most of a Pod or a Node is fields that nobody here reads: to take them apart
//! costs more than all that is done with the rest.

use std::fmt;

use karez_resources::Kind;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Fields of an object that are dropped, by name. A list's apply to each of its elements.
type Dropped = &'static [(&'static str, Field)];

/// What is dropped of a field.
#[derive(Debug, Clone, Copy)]
enum Field {
    All,
    Only(Dropped),
}

const METADATA: Dropped = &[("managedFields", Field::All)];

const ANY: Dropped = &[("metadata", Field::Only(METADATA))];

/// All but names, ports, and what tells a sidecar.
const CONTAINERS: Field = Field::Only(&[
    ("args", Field::All),
    ("command", Field::All),
    ("env", Field::All),
    ("envFrom", Field::All),
    ("lifecycle", Field::All),
    ("livenessProbe", Field::All),
    ("readinessProbe", Field::All),
    ("resources", Field::All),
    ("securityContext", Field::All),
    ("startupProbe", Field::All),
    ("volumeDevices", Field::All),
    ("volumeMounts", Field::All),
]);

const POD: Dropped = &[
    ("metadata", Field::Only(METADATA)),
    (
        "spec",
        Field::Only(&[
            ("affinity", Field::All),
            ("containers", CONTAINERS),
            ("ephemeralContainers", Field::All),
            ("initContainers", CONTAINERS),
            ("securityContext", Field::All),
            ("tolerations", Field::All),
            ("topologySpreadConstraints", Field::All),
            ("volumes", Field::All),
        ]),
    ),
    (
        "status",
        Field::Only(&[
            ("containerStatuses", Field::All),
            ("ephemeralContainerStatuses", Field::All),
            ("initContainerStatuses", Field::All),
        ]),
    ),
];

const NODE: Dropped = &[
    ("metadata", Field::Only(METADATA)),
    (
        "status",
        Field::Only(&[
            ("allocatable", Field::All),
            ("capacity", Field::All),
            ("images", Field::All),
            ("volumesAttached", Field::All),
            ("volumesInUse", Field::All),
        ]),
    ),
];

/// Reads an object of the kind without the fields that nobody reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needed(Dropped);

impl Needed {
    pub(super) fn of(kind: Kind) -> Self {
        Self(match kind {
            Kind::Pod => POD,
            Kind::Node => NODE,
            _ => ANY,
        })
    }

    fn of_field(self, name: &str) -> Option<Field> {
        self.0.iter().find(|(dropped, _)| *dropped == name).map(|(_, field)| *field)
    }
}

impl<'de> DeserializeSeed<'de> for Needed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Where an object or a list of objects is expected; anything else is kept, and its reader says what is wrong with it.
impl<'de> Visitor<'de> for Needed {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            match self.of_field(&name) {
                Some(Field::All) => drop(fields.next_value::<IgnoredAny>()?),
                Some(Field::Only(dropped)) => {
                    kept.insert(name, fields.next_value_seed(Self(dropped))?);
                }
                None => {
                    kept.insert(name, fields.next_value()?);
                }
            }
        }
        Ok(Value::Object(kept))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            kept.push(element);
        }
        Ok(Value::Array(kept))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }
}

#[cfg(test)]
mod tests;
