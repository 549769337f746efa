//! `dig`: it takes an answer from the server that it asked, and from nobody else.

use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use karez_lab::Namespace;

/// How a question goes to a server.
pub(crate) const TRANSPORTS: [&str; 2] = ["+notcp", "+tcp"];

/// What it prints of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// `NOERROR`, `NXDOMAIN` and the like.
    pub(crate) status: String,
    /// `qr`, `aa`, `tc` and the like.
    pub(crate) flags: Vec<String>,
    /// `TYPE DATA` of each, sorted.
    pub(crate) records: Vec<String>,
}

/// Asks `server` once; words of the question are as `dig` takes them.
///
/// # Errors
/// When no answer comes.
pub(crate) fn dig(namespace: &Namespace, server: IpAddr, question: &[&str]) -> Result<Answer> {
    let [answer] = digs(namespace, server, question)?
        .try_into()
        .map_err(|answers| anyhow::anyhow!("not one answer to {question:?}: {answers:?}"))?;
    Ok(answer)
}

/// The same with several questions, each in words of its own.
///
/// # Errors
/// When no answer comes to one.
pub(crate) fn digs(namespace: &Namespace, server: IpAddr, questions: &[&str]) -> Result<Vec<Answer>> {
    let server = format!("@{server}");
    let how = ["+noall", "+comments", "+answer", "+tries=1", "+time=8", &server];
    let printed = namespace.run("dig", &[&how, questions].concat())?;
    let answers = printed.split(";; Got answer:").skip(1);
    answers.map(|answer| parse(answer).with_context(|| printed.clone())).collect()
}

/// Checks that an address is all that there is of a name.
///
/// # Errors
/// When it is not.
pub(crate) fn ensure_is(answer: &Answer, kind: &str, address: &str) -> Result<()> {
    let wanted = [format!("{kind} {address}")];
    ensure!(answer.status == "NOERROR" && answer.records == wanted, "not {wanted:?} but {answer:?}");
    Ok(())
}

fn parse(text: &str) -> Result<Answer> {
    let after = |word: &str| text.lines().find_map(|line| Some(line.split_once(word)?.1));
    let status = after("status: ").and_then(|rest| rest.split(',').next()).context("no status")?;
    let flags = after(";; flags: ").and_then(|rest| rest.split(';').next()).context("no flags")?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(';'));
    let mut records = lines.map(record).collect::<Result<Vec<_>>>()?;
    records.sort();
    let flags = flags.split_whitespace().map(str::to_owned).collect();
    Ok(Answer { status: status.to_owned(), flags, records })
}

/// `NAME TTL CLASS TYPE DATA...` without name, time and class.
fn record(line: &str) -> Result<String> {
    let words: Vec<_> = line.split_whitespace().skip(3).collect();
    ensure!(words.len() >= 2, "not a record: {line}");
    Ok(words.join(" "))
}
