//! Small routes and requests for tests. The namespace is `shop`.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};

use crate::backend::{Backend, BackendService, BackendTarget};
use crate::path::{Keep, NormalPath};
use crate::request::RequestView;
use crate::route::{
    HeaderMatch, Kind, PathMatch, QueryParamMatch, RequestMatch, Route, RouteName, Rule, ValueMatch,
};

pub(crate) mod arbitrary;

pub(crate) fn service(hostname: &str) -> BackendService {
    BackendService { namespace: "shop".into(), hostname: hostname.into(), port: 80 }
}

pub(crate) fn backend() -> Backend {
    Backend { target: BackendTarget::Service(service("one")), weight: 1, filters: Vec::new() }
}

pub(crate) fn normal(path: &str) -> NormalPath<'static> {
    NormalPath::new(path, Keep::NONE).unwrap().into_owned()
}

pub(crate) fn exact(path: &str) -> RequestMatch {
    RequestMatch { path: PathMatch::Exact(normal(path)), ..Default::default() }
}

pub(crate) fn prefix(path: &str) -> RequestMatch {
    RequestMatch { path: PathMatch::PathPrefix(normal(path)), ..Default::default() }
}

pub(crate) fn expression(pattern: &str) -> RequestMatch {
    RequestMatch { path: PathMatch::RegularExpression(pattern.into()), ..Default::default() }
}

/// Any path.
pub(crate) fn anything() -> RequestMatch {
    RequestMatch::default()
}

impl RequestMatch {
    pub(crate) fn method(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.header_value(name, ValueMatch::Exact(value.into()))
    }

    pub(crate) fn header_expression(self, name: &str, pattern: &str) -> Self {
        self.header_value(name, ValueMatch::RegularExpression(pattern.into()))
    }

    fn header_value(mut self, name: &str, value: ValueMatch) -> Self {
        self.headers.push(HeaderMatch { name: name.parse().unwrap(), value });
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        let value = ValueMatch::Exact(value.into());
        self.query_params.push(QueryParamMatch { name: name.into(), value });
        self
    }

    pub(crate) fn query_expression(mut self, name: &str, pattern: &str) -> Self {
        let value = ValueMatch::RegularExpression(pattern.into());
        self.query_params.push(QueryParamMatch { name: name.into(), value });
        self
    }
}

pub(crate) fn rule(name: &str, matches: impl IntoIterator<Item = RequestMatch>) -> Rule {
    Rule { name: Some(name.into()), matches: matches.into_iter().collect(), ..Default::default() }
}

pub(crate) fn route(name: &str, rules: impl IntoIterator<Item = Rule>) -> Route {
    Route {
        kind: Kind::Http,
        name: RouteName::new("shop", name),
        created: 0,
        rules: rules.into_iter().map(Arc::new).collect(),
    }
}

/// A request that owns what it shows.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) authority: String,
    pub(crate) path: NormalPath<'static>,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
}

impl Request {
    /// `GET` of a path with its query.
    pub(crate) fn get(target: &str) -> Self {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Self {
            method: Method::GET,
            authority: "shop".to_owned(),
            path: normal(path),
            query,
            headers: HeaderMap::new(),
        }
    }

    pub(crate) fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// With one more line of a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        self
    }

    pub(crate) fn view(&self) -> RequestView<'_> {
        RequestView {
            method: &self.method,
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
        }
    }
}
