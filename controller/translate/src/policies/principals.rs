//! Principals under the mesh's own trust domain.
//!
//! `cluster.local` means the mesh's own, whatever that is called, as it does to Istio: policies are copied from one mesh to
//! another. Every peer is of the mesh's own trust domain, so a principal of any other one is a mistake. Where it was to close
//! something, it is taken for the mesh's own; where it was to open something, it opens nothing.

use karez_resources::policy::Pattern;

/// What Istio calls any mesh's own trust domain.
const OWN: &str = "cluster.local";
/// Between the trust domain and the namespace.
const AFTER_DOMAIN: &str = "/ns/";

/// A principal as this mesh reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// It can match peers of this mesh.
    Own(Pattern),
    /// It names another trust domain.
    Foreign {
        /// That trust domain, or what was written of it.
        domain: String,
        /// What it would be under the mesh's own.
        as_own: Pattern,
    },
}

/// Reads a pattern of principals where the mesh's trust domain is `own`.
pub(super) fn read(pattern: &Pattern, own: &str) -> Reading {
    match pattern {
        Pattern::Present => Reading::Own(Pattern::Present),
        Pattern::Exact(text) => whole_domain(text, own, Pattern::Exact),
        Pattern::Prefix(text) if text.contains('/') => whole_domain(text, own, Pattern::Prefix),
        Pattern::Prefix(domain) => {
            let every_peer = Pattern::Prefix(format!("{own}/"));
            part_of_domain(pattern, domain, every_peer, |whole| whole.starts_with(domain.as_str()), own)
        }
        Pattern::Suffix(text) => match text.split_once(AFTER_DOMAIN) {
            Some((domain, path)) => {
                let as_own = Pattern::Exact(format!("{own}{AFTER_DOMAIN}{path}"));
                part_of_domain(pattern, domain, as_own, |whole| whole.ends_with(domain), own)
            }
            None => Reading::Own(pattern.clone()),
        },
    }
}

/// A text that begins with a whole trust domain.
fn whole_domain(text: &str, own: &str, form: fn(String) -> Pattern) -> Reading {
    let (domain, path) = text.split_once('/').unwrap_or((text, ""));
    let as_own = form(format!("{own}/{path}"));
    if domain == own || domain == OWN {
        Reading::Own(as_own)
    } else {
        Reading::Foreign { domain: domain.to_owned(), as_own }
    }
}

fn part_of_domain(
    pattern: &Pattern,
    domain: &str,
    as_own: Pattern,
    is_part_of: impl Fn(&str) -> bool,
    own: &str,
) -> Reading {
    match (is_part_of(own), is_part_of(OWN)) {
        (true, _) => Reading::Own(pattern.clone()),
        (false, true) => Reading::Own(as_own),
        (false, false) => Reading::Foreign { domain: domain.to_owned(), as_own },
    }
}

#[cfg(test)]
mod tests;
