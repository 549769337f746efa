//! Cross-origin resource sharing (GEP-1767 and the Fetch standard).
//!
//! The filter alone decides: preflights never reach a backend, and what a backend says about sharing is taken away.

mod origin;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_TYPE, EXPIRES, LAST_MODIFIED, ORIGIN, PRAGMA, SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::field;
use crate::request::RequestView;

pub use origin::{InvalidOrigin, OriginPattern};

/// Who may read answers from scripts of another origin, and what these may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins whose scripts may. None: no other origin's.
    pub allow_origins: Vec<OriginPattern>,
    /// Whether they may send cookies and the like.
    pub allow_credentials: bool,
    /// Methods that they may use.
    pub allow_methods: Allowed<Method>,
    /// Headers that they may send.
    pub allow_headers: Allowed<HeaderName>,
    /// Headers of the answer that they may read.
    pub expose_headers: Allowed<HeaderName>,
    /// How many seconds a client may remember the answer to a preflight.
    pub max_age: u32,
}

/// What is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed<T> {
    /// `*`.
    Any,
    /// These, none of which is `*`, and what the Fetch standard always allows.
    Only(Vec<T>),
}

/// The origin of a preflight is not allowed. The caller answers 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the CORS filter does not allow the request's origin")]
pub struct OriginRefused;

impl Default for Cors {
    fn default() -> Self {
        Self {
            allow_origins: Vec::new(),
            allow_credentials: false,
            allow_methods: Allowed::Only(Vec::new()),
            allow_headers: Allowed::Only(Vec::new()),
            expose_headers: Allowed::Only(Vec::new()),
            max_age: 5,
        }
    }
}

/// Whether a client asks what it may send. The filter answers that itself.
#[must_use]
pub fn is_preflight(request: &RequestView<'_>) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(ORIGIN)
        && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

impl Cors {
    /// The headers of the answer to a preflight. Its status is 204.
    ///
    /// A method or a header that is not allowed is no error here: the client compares.
    ///
    /// # Errors
    /// The origin is not allowed.
    pub fn preflight(&self, request: &HeaderMap) -> Result<HeaderMap, OriginRefused> {
        let origin = self.allowed_origin(request).ok_or(OriginRefused)?;
        let mut answer = HeaderMap::new();
        self.grant(request, origin, &mut answer);
        insert(&mut answer, ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed(None));
        insert(&mut answer, ACCESS_CONTROL_MAX_AGE, Some(self.max_age.into()));
        Ok(answer)
    }

    /// Says in an answer who may read it, and takes away what the backend said.
    pub fn apply(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        for name in [
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            ACCESS_CONTROL_MAX_AGE,
        ] {
            answer.remove(name);
        }
        match self.allowed_origin(request) {
            Some(origin) => {
                let exposed = self.exposed(Some(answer));
                self.grant(request, origin, answer);
                insert(answer, ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
            }
            None => self.vary(answer),
        }
    }

    /// The origin of the request, if it has one and that is allowed.
    fn allowed_origin<'r>(&self, request: &'r HeaderMap) -> Option<&'r HeaderValue> {
        let mut lines = request.get_all(ORIGIN).iter();
        let origin = lines.next().filter(|_| lines.next().is_none())?;
        let text = origin.to_str().ok()?;
        self.allow_origins.iter().any(|pattern| pattern.matches(text)).then_some(origin)
    }

    /// What preflights and other requests are told alike.
    fn grant(&self, request: &HeaderMap, origin: &HeaderValue, answer: &mut HeaderMap) {
        let origin = if self.is_for_everyone() { HeaderValue::from_static("*") } else { origin.clone() };
        insert(answer, ACCESS_CONTROL_ALLOW_ORIGIN, Some(origin));
        self.vary(answer);
        let credentials = self.allow_credentials.then(|| HeaderValue::from_static("true"));
        insert(answer, ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        let methods = self.allow_methods.value(|| self.asked(request, &ACCESS_CONTROL_REQUEST_METHOD));
        insert(answer, ACCESS_CONTROL_ALLOW_METHODS, methods);
        let headers = self.allow_headers.value(|| self.asked(request, &ACCESS_CONTROL_REQUEST_HEADERS));
        insert(answer, ACCESS_CONTROL_ALLOW_HEADERS, headers);
    }

    /// What stands for `*`. Where credentials are allowed a client does not understand that, so it is told what it asked.
    fn asked(&self, request: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
        if self.allow_credentials {
            HeaderValue::from_bytes(&field::value(request, name)?).ok()
        } else {
            Some(HeaderValue::from_static("*"))
        }
    }

    /// The headers that may be read. With credentials `*` is spelt out, as far as the answer is known.
    fn exposed(&self, answer: Option<&HeaderMap>) -> Option<HeaderValue> {
        self.expose_headers.value(|| match (self.allow_credentials, answer) {
            (false, _) => Some(HeaderValue::from_static("*")),
            (true, Some(answer)) => list(answer.keys().filter(|name| !needs_no_exposure(name))),
            (true, None) => None,
        })
    }

    /// Keeps caches from giving one origin's answer to another.
    fn vary(&self, answer: &mut HeaderMap) {
        if !self.is_for_everyone() {
            // It fails on a map of 32,768 headers, which no answer has.
            let _full = answer.try_append(VARY, HeaderValue::from_static("origin"));
        }
    }

    /// Whether the answer is the same for each origin.
    fn is_for_everyone(&self) -> bool {
        !self.allow_credentials && self.allow_origins.contains(&OriginPattern::Any)
    }
}

impl<T: AsRef<str>> Allowed<T> {
    /// As the value of a header, with what stands for `*`.
    fn value(&self, any: impl FnOnce() -> Option<HeaderValue>) -> Option<HeaderValue> {
        match self {
            Self::Any => any(),
            Self::Only(names) => list(names),
        }
    }
}

impl<T: AsRef<str>> FromIterator<T> for Allowed<T> {
    /// Reads a list. One with `*` in it allows everything.
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        let names: Vec<T> = names.into_iter().collect();
        if names.iter().any(|name| name.as_ref() == "*") { Self::Any } else { Self::Only(names) }
    }
}

/// A list as the value of a header. `None` for an empty one.
fn list(names: impl IntoIterator<Item = impl AsRef<str>>) -> Option<HeaderValue> {
    let mut names = names.into_iter();
    let first = names.next()?.as_ref().to_owned();
    let list = names.fold(first, |list, name| list + ", " + name.as_ref());
    HeaderValue::try_from(list).ok()
}

/// What scripts may always read (Fetch standard, section 2.2.2), and what they never may.
fn needs_no_exposure(name: &HeaderName) -> bool {
    const SAFELISTED: [HeaderName; 7] =
        [CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, EXPIRES, LAST_MODIFIED, PRAGMA];
    SAFELISTED.contains(name) || name == SET_COOKIE
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        // It fails on a map of 32,768 headers, which no answer has.
        let _full = headers.try_insert(name, value);
    }
}

#[cfg(test)]
mod tests;
