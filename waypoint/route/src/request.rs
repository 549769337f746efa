//! What routes see of a request.

use std::borrow::Cow;
use std::cell::OnceCell;

use http::{HeaderMap, HeaderName, Method, header};

use crate::field;
use crate::path::NormalPath;
use crate::query::QueryParams;

/// The header that stands for the authority.
static HOST: HeaderName = header::HOST;

/// A request, as routes see it.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its authority: `:authority`, or `Host`. Empty if it has none.
    pub authority: &'a str,
    /// Its path.
    pub path: &'a NormalPath<'a>,
    /// Its query, without `?`.
    pub query: Option<&'a str>,
    /// Its headers.
    pub headers: &'a HeaderMap,
}

/// A request while its rule is looked for. Its query is read once, when first asked for.
pub(crate) struct IndexedRequest<'a> {
    pub(crate) view: RequestView<'a>,
    query_params: OnceCell<QueryParams<'a>>,
}

impl<'a> IndexedRequest<'a> {
    pub(crate) fn new(view: RequestView<'a>) -> Self {
        Self { view, query_params: OnceCell::new() }
    }

    /// The value of a header, its lines joined.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
        if *name == HOST {
            let authority = Some(self.view.authority).filter(|authority| !authority.is_empty());
            return authority.map(|authority| authority.as_bytes().into());
        }
        field::value(self.view.headers, name)
    }

    /// The names of its headers, each once.
    pub(crate) fn header_names(&self) -> impl Iterator<Item = &'a HeaderName> {
        self.view.headers.keys().filter(|name| **name != HOST).chain([&HOST])
    }

    /// The value of the first query parameter of that name.
    pub(crate) fn query_param(&self, name: &str) -> Option<&[u8]> {
        let query = self.view.query?;
        self.query_params.get_or_init(|| QueryParams::read(query)).value(name)
    }
}
