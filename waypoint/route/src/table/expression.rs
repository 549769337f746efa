//! Regular expressions of bounded size.

use std::collections::HashMap;

use regex::bytes::{Regex, RegexBuilder};

use super::Reason;

/// Most octets of a compiled expression, and of what its search remembers.
const MOST_OCTETS: usize = 64 * 1024;

/// Most different expressions of a table.
pub(super) const MOST_EXPRESSIONS: usize = 1024;

/// A compiled expression, which matches whole values.
#[derive(Debug, Clone)]
pub(super) struct Expression(Regex);

/// The expressions of a table, each compiled once.
#[derive(Debug, Default)]
pub(super) struct Expressions(HashMap<Box<str>, Result<Expression, Reason>>);

impl Expression {
    pub(super) fn matches(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }

    fn compile(pattern: &str) -> Result<Self, regex::Error> {
        // Alone first: `a)|(b` is an expression only within parentheses.
        builder(pattern).build()?;
        builder(&format!("^(?:{pattern})$")).build().map(Self)
    }
}

fn builder(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(pattern);
    // Classes of ASCII are small, and a path holds nothing else.
    builder.unicode(false).size_limit(MOST_OCTETS).dfa_size_limit(MOST_OCTETS);
    builder
}

impl Expressions {
    /// The compiled expression.
    pub(super) fn get(&mut self, pattern: &str) -> Result<Expression, Reason> {
        if let Some(compiled) = self.0.get(pattern) {
            return compiled.clone();
        }
        if self.0.len() >= MOST_EXPRESSIONS {
            return Err(Reason::TooManyExpressions { limit: MOST_EXPRESSIONS });
        }
        let compiled = Expression::compile(pattern)
            .map_err(|error| Reason::Expression { pattern: pattern.into(), error: error.to_string().into() });
        self.0.insert(pattern.into(), compiled.clone());
        compiled
    }
}

#[cfg(test)]
mod tests;
