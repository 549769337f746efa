//! Says why a text is not of the form that Kubernetes gives to names and labels.

use karez_api::syntax::{is_label, is_subdomain};

/// Says why `text` is not an RFC 1123 label, such as a namespace's name.
pub(crate) fn label(text: &str) -> Result<(), String> {
    if is_label(text) {
        Ok(())
    } else {
        Err(format!("{text:?} is not a DNS label: 1 to 63 of a-z, 0-9 and `-`, and no `-` at its ends"))
    }
}

/// Says why `text` is not an RFC 1123 subdomain, such as a Pod's name.
pub(crate) fn subdomain(text: &str) -> Result<(), String> {
    if is_subdomain(text) {
        Ok(())
    } else {
        Err(format!("{text:?} is not a DNS name: 1 to 253 of a-z, 0-9, `-` and `.`"))
    }
}

/// Says why `text` is not the name of a container's port (RFC 6335 section 5.1, as Kubernetes narrows it).
pub(crate) fn port_name(text: &str) -> Result<(), String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:?} is a name, and a name needs a letter: write {text} without quotes"));
    }
    let is_it = text.len() <= 15
        && is_label(text)
        && !text.contains("--")
        && text.bytes().any(|byte| byte.is_ascii_lowercase());
    if is_it {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is not a port's name: 1 to 15 of a-z, 0-9 and single `-`, at least one letter, and no `-` at its ends"
        ))
    }
}

/// Says why `text` is not a label's key: `NAME` or `DNS.PREFIX/NAME`.
pub(crate) fn label_key(text: &str) -> Result<(), String> {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    if prefix.is_none_or(is_subdomain) && is_label_word(name) {
        Ok(())
    } else {
        Err(format!("{text:?} is not a label's key: NAME or DNS.PREFIX/NAME, NAME of at most 63 characters"))
    }
}

/// Says why `text` is not a label's value.
pub(crate) fn label_value(text: &str) -> Result<(), String> {
    if text.is_empty() || is_label_word(text) {
        Ok(())
    } else {
        Err(format!("{text:?} is not a label's value: at most 63 of a-z, A-Z, 0-9, `-`, `_` and `.`"))
    }
}

fn is_label_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.len() <= 63
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests;
