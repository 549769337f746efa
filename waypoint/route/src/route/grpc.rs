//! Methods of gRPC services. A call of `METHOD` of `SERVICE` is a request for `/SERVICE/METHOD`.

use super::{PathMatch, ValueMatch};
use crate::path::{Keep, NormalPath, Refused};

/// A condition on the method that is called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrpcMethodMatch {
    /// On the service's full name. `None`: any.
    pub service: Option<ValueMatch>,
    /// On the method's name. `None`: any.
    pub method: Option<ValueMatch>,
}

impl TryFrom<GrpcMethodMatch> for PathMatch {
    type Error = Refused;

    /// As a condition on the path. One service without a method is a prefix.
    ///
    /// # Errors
    /// An exact name that can stand in no path.
    fn try_from(wanted: GrpcMethodMatch) -> Result<Self, Refused> {
        Ok(match (&wanted.service, &wanted.method) {
            (None, None) => Self::default(),
            (Some(ValueMatch::Exact(service)), None) => Self::PathPrefix(path([service])?),
            (Some(ValueMatch::Exact(service)), Some(ValueMatch::Exact(method))) => {
                Self::Exact(path([service, method])?)
            }
            _ => Self::GrpcMethod(wanted),
        })
    }
}

fn path<'a>(names: impl IntoIterator<Item = &'a Box<str>>) -> Result<NormalPath<'static>, Refused> {
    let mut path = String::new();
    for name in names {
        if name.contains('/') {
            return Err(Refused::Character('/'));
        }
        path.push('/');
        path.push_str(name);
    }
    NormalPath::new(&path, Keep::NONE).map(NormalPath::into_owned)
}
