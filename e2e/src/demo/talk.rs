//! Who talked to whom: what the logs of a node proxy say, as a person reads it.

use crate::access_log::Line;
use crate::demo::render::bytes;

/// The columns of [`row`].
pub const COLUMNS: [&str; 7] = ["FROM", "PROVED TO BE", "TO", "PROVED TO BE", "ASKED", "ANSWERED", "TOOK"];
/// What all identities of the demo begin with.
pub const TRUST_DOMAIN: &str = "spiffe://cluster.local/";

/// A connection as the node proxy of its server noted it.
#[must_use]
pub fn row(line: &Line) -> Vec<String> {
    vec![
        name(line, "src"),
        account(line, "src"),
        name(line, "dst"),
        account(line, "dst"),
        bytes(line.number("bytes_recv")),
        bytes(line.number("bytes_sent")),
        line.text("duration").to_owned(),
    ]
}

/// Why a connection was not carried, in one sentence.
#[must_use]
pub fn refusal(line: &Line) -> String {
    let (from, to) = (name(line, "src"), name(line, "dst"));
    format!("{from} ({}) -> {to}: {}", account(line, "src"), line.text("error"))
}

/// Of a line of log, what a policy in audit mode would have said of a peer: the fields that matter here.
#[must_use]
pub fn audit<'a>(line: &'a str, policy: &str, identity: &str) -> Option<&'a str> {
    let (_, said) = line.split_once(" audit: ")?;
    let fields = said.get(said.find("policy=")?..said.find(" source=")?)?;
    let is_meant =
        fields.starts_with(&format!("policy={policy} ")) && fields.ends_with(&format!(" peer={identity}"));
    is_meant.then_some(fields)
}

fn name(line: &Line, side: &str) -> String {
    let part = |what: &str| line.text(&format!("{side}.{what}")).to_owned();
    format!("{}/{}", part("namespace"), part("workload"))
}

/// An identity without what all have in common; a plaintext peer has none.
fn account(line: &Line, side: &str) -> String {
    match line.text(&format!("{side}.identity")) {
        "" => "nobody".to_owned(),
        identity => identity.strip_prefix(TRUST_DOMAIN).unwrap_or(identity).to_owned(),
    }
}

#[cfg(test)]
mod tests;
