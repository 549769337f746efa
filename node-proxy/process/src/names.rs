//! Parses the names that flags take: of nodes, namespaces, clusters, metrics. Each function fits `#[arg(value_parser =
//! ...)]`.

use karez_api::syntax::{is_label, is_subdomain};

/// Why a text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not a node's name.
    #[error("expected a node's name: lower-case letters, digits, dashes and dots, such as node-1")]
    Node,
    /// Not a namespace's name.
    #[error("expected a namespace's name: lower-case letters, digits and dashes, such as karez-system")]
    Namespace,
    /// Not a cluster's name.
    #[error("expected a cluster's name: letters, digits, dashes, dots and underscores, such as Kubernetes")]
    Cluster,
    /// Not the first word of a metric's name.
    #[error(
        "expected the first word of a metric's name: letters, digits and underscores, such as karez or istio"
    )]
    MetricsPrefix,
}

/// A node's name: a DNS subdomain (RFC 1123), as Kubernetes names its objects.
///
/// # Errors
/// When it is none, or longer than 253 characters.
pub fn node(text: &str) -> Result<String, InvalidName> {
    is_subdomain(text).then(|| text.to_owned()).ok_or(InvalidName::Node)
}

/// A namespace's name: a DNS label (RFC 1123).
///
/// # Errors
/// When it is none, or longer than 63 characters.
pub fn namespace(text: &str) -> Result<String, InvalidName> {
    is_label(text).then(|| text.to_owned()).ok_or(InvalidName::Namespace)
}

/// A cluster's name. It precedes a slash in workloads' uids, so it contains none.
///
/// # Errors
/// When it is empty, longer than 253 characters, or has an invalid character.
pub fn cluster(text: &str) -> Result<String, InvalidName> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_name = (1..=253).contains(&text.len()) && text.chars().all(is_inner);
    is_name.then(|| text.to_owned()).ok_or(InvalidName::Cluster)
}

/// The first word of a program's metrics: `[a-zA-Z_][a-zA-Z0-9_]*`. That is Prometheus' data model without the colon,
/// which is for recording rules.
///
/// # Errors
/// When it is anything else.
pub fn metrics_prefix(text: &str) -> Result<String, InvalidName> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_word = text.chars().all(is_inner) && text.starts_with(|c: char| !c.is_ascii_digit());
    is_word.then(|| text.to_owned()).ok_or(InvalidName::MetricsPrefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_named_as_kubernetes_names_them() {
        for name in ["n1", "node-1", "ip-10-0-0-1.eu-west-1.compute.internal"] {
            assert_eq!(node(name).as_deref(), Ok(name));
        }
        for wrong in ["", "Node", "node 1", "-a", "a-", "a..b", ".a", "a.", "a/b", "ä", &"a".repeat(254)] {
            assert_eq!(node(wrong), Err(InvalidName::Node), "{wrong:?}");
        }
    }

    #[test]
    fn namespaces_are_named_by_one_label() {
        for name in ["shop", "karez-system", "1"] {
            assert_eq!(namespace(name).as_deref(), Ok(name));
        }
        for wrong in ["", "Shop", "a.b", "-a", "a-", "a~b", "a b", &"a".repeat(64)] {
            assert_eq!(namespace(wrong), Err(InvalidName::Namespace), "{wrong:?}");
        }
    }

    #[test]
    fn clusters_are_named_without_slashes_and_spaces() {
        for name in ["Kubernetes", "eu_west-1.prod"] {
            assert_eq!(cluster(name).as_deref(), Ok(name));
        }
        for wrong in ["", " ", "a/b", "a b", "a\n", &"a".repeat(254)] {
            assert_eq!(cluster(wrong), Err(InvalidName::Cluster), "{wrong:?}");
        }
    }

    #[test]
    fn a_metrics_prefix_is_a_word_of_prometheus() {
        for name in ["karez", "istio", "_a1", "A"] {
            assert_eq!(metrics_prefix(name).as_deref(), Ok(name));
        }
        for wrong in ["", "1a", "a-b", "a:b", "a b", "é"] {
            assert_eq!(metrics_prefix(wrong), Err(InvalidName::MetricsPrefix), "{wrong:?}");
        }
    }
}
