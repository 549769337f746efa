//! Redirects.

use std::fmt;

use http::uri::Authority;
use http::{HeaderValue, StatusCode};

use super::PathModifier;
use crate::request::RequestView;

/// Answers with another location. What it does not name is that of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRedirect {
    /// The scheme.
    pub scheme: Option<Scheme>,
    /// The host name. It has no port.
    pub hostname: Option<Authority>,
    /// The port. If it names none: that of its scheme, or else that of the listener.
    pub port: Option<u16>,
    /// Changes the path. The query stays.
    pub path: Option<PathModifier>,
    /// The status: 301, 302, 303, 307 or 308.
    pub status: StatusCode,
}

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

/// Where the client sent the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The scheme that it used.
    pub scheme: Scheme,
    /// The port that it dialled. In a mesh this is the Service's.
    pub port: u16,
}

/// The request's authority makes no URL. The caller answers 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's authority is missing or malformed, so there is no location to redirect to")]
pub struct InvalidAuthority;

impl Default for RequestRedirect {
    fn default() -> Self {
        Self { scheme: None, hostname: None, port: None, path: None, status: StatusCode::FOUND }
    }
}

impl RequestRedirect {
    /// The value of `Location`. A port that is the scheme's own is left out.
    ///
    /// # Errors
    /// The redirect takes the host name from the request, which has none.
    pub fn location(
        &self,
        request: &RequestView<'_>,
        listener: Listener,
        prefix_length: usize,
    ) -> Result<HeaderValue, InvalidAuthority> {
        let scheme = self.scheme.unwrap_or(listener.scheme);
        let authority = self.authority(scheme, request, listener)?;
        let modified = self.path.as_ref().map(|path| path.apply(request.path, prefix_length));
        let path = modified.as_ref().unwrap_or(request.path);
        let mut location = format!("{scheme}://{authority}{path}");
        if let Some(query) = request.query {
            location.push('?');
            location.push_str(query);
        }
        HeaderValue::try_from(location).map_err(|_| InvalidAuthority)
    }

    fn authority(
        &self,
        scheme: Scheme,
        request: &RequestView<'_>,
        listener: Listener,
    ) -> Result<String, InvalidAuthority> {
        let own = request.authority.parse::<Authority>().ok();
        let authority = self.hostname.as_ref().or(own.as_ref());
        // Without userinfo and port.
        let hostname =
            authority.map(Authority::host).filter(|host| !host.is_empty()).ok_or(InvalidAuthority)?;
        let port = self.port.unwrap_or(match self.scheme {
            Some(scheme) => scheme.default_port(),
            None => listener.port,
        });
        Ok(if port == scheme.default_port() { hostname.to_owned() } else { format!("{hostname}:{port}") })
    }
}

impl Scheme {
    /// The port that is meant where none is named.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

#[cfg(test)]
mod tests;
