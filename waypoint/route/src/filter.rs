//! Filters: what a rule does to requests and answers. Each is data, and a pure function.

pub mod cors;
mod header_modifier;
mod path_modifier;
mod request_mirror;
mod request_redirect;

pub use cors::Cors;
pub use header_modifier::HeaderModifier;
pub use path_modifier::{PathModifier, UrlRewrite};
pub use request_mirror::{RequestMirror, Share};
pub use request_redirect::{InvalidAuthority, Listener, RequestRedirect, Scheme};

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Changes headers of requests.
    RequestHeaderModifier(HeaderModifier),
    /// Changes headers of answers.
    ResponseHeaderModifier(HeaderModifier),
    /// Answers with another location.
    RequestRedirect(RequestRedirect),
    /// Changes the host name and the path.
    UrlRewrite(UrlRewrite),
    /// Sends copies of requests to another backend. The only filter that a rule may have several times.
    RequestMirror(RequestMirror),
    /// Answers preflights, and says in answers who may read them.
    Cors(Cors),
}

impl Filter {
    /// Its type, as Gateway API names it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::RequestHeaderModifier(_) => "RequestHeaderModifier",
            Self::ResponseHeaderModifier(_) => "ResponseHeaderModifier",
            Self::RequestRedirect(_) => "RequestRedirect",
            Self::UrlRewrite(_) => "URLRewrite",
            Self::RequestMirror(_) => "RequestMirror",
            Self::Cors(_) => "CORS",
        }
    }

    /// How it changes the path, if it does.
    pub(crate) fn path_modifier(&self) -> Option<&PathModifier> {
        match self {
            Self::RequestRedirect(redirect) => redirect.path.as_ref(),
            Self::UrlRewrite(rewrite) => rewrite.path.as_ref(),
            Self::RequestHeaderModifier(_)
            | Self::ResponseHeaderModifier(_)
            | Self::RequestMirror(_)
            | Self::Cors(_) => None,
        }
    }
}
