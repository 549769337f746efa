//! A chain of rules, in nft's syntax.

use std::fmt;

pub(crate) struct Chain {
    name: &'static str,
    hook: Option<Hook>,
    rules: Vec<String>,
}

struct Hook {
    kind: &'static str,
    name: String,
    priority: i32,
}

impl Chain {
    /// A chain at a hook of the kernel.
    pub(crate) fn hooked(
        name: &'static str,
        kind: &'static str,
        hook: impl Into<String>,
        priority: i32,
    ) -> Self {
        Self { name, hook: Some(Hook { kind, name: hook.into(), priority }), rules: Vec::new() }
    }

    /// A chain that other chains call.
    pub(crate) fn plain(name: &'static str) -> Self {
        Self { name, hook: None, rules: Vec::new() }
    }

    pub(crate) fn rule(mut self, rule: impl Into<String>) -> Self {
        self.rules.push(rule.into());
        self
    }

    pub(crate) fn rules(mut self, rules: Vec<String>) -> Self {
        self.rules.extend(rules);
        self
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "\tchain {} {{", self.name)?;
        if let Some(Hook { kind, name, priority }) = &self.hook {
            writeln!(formatter, "\t\ttype {kind} hook {name} priority {priority}; policy accept;")?;
        }
        for rule in &self.rules {
            writeln!(formatter, "\t\t{rule}")?;
        }
        writeln!(formatter, "\t}}")
    }
}
