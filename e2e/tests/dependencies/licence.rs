//! SPDX licence expressions (SPDX 2.3, annex D), as far as Cargo's packages use them.

/// Whether a choice of the expression's licences is on the list. What cannot be read is not.
pub(crate) fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    // Cargo's older notation has a slash between alternatives.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut reader = Reader { rest: &words, allowed };
    reader.alternatives().is_some_and(|is_allowed| is_allowed && reader.rest.is_empty())
}

struct Reader<'a> {
    rest: &'a [&'a str],
    allowed: &'a [&'a str],
}

impl<'a> Reader<'a> {
    /// `AND` binds more tightly than `OR`.
    fn alternatives(&mut self) -> Option<bool> {
        let mut is_allowed = self.together()?;
        while self.takes("OR") {
            is_allowed |= self.together()?;
        }
        Some(is_allowed)
    }

    fn together(&mut self) -> Option<bool> {
        let mut is_allowed = self.one()?;
        while self.takes("AND") {
            is_allowed &= self.one()?;
        }
        Some(is_allowed)
    }

    /// A licence, maybe with an exception that the list must name as well, or an expression in parentheses.
    fn one(&mut self) -> Option<bool> {
        if self.takes("(") {
            let is_allowed = self.alternatives()?;
            return self.takes(")").then_some(is_allowed);
        }
        let licence = self.word()?;
        if self.takes("WITH") {
            let exception = self.word()?;
            return Some(self.allowed.contains(&format!("{licence} WITH {exception}").as_str()));
        }
        Some(self.allowed.contains(&licence))
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.rest.first() == Some(&word);
        if is_next {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        (!matches!(*word, "(" | ")" | "AND" | "OR" | "WITH")).then_some(*word)
    }
}

#[test]
fn a_choice_of_what_is_on_the_list_is_allowed() {
    let allowed = ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"];
    for good in [
        "MIT",
        "MIT/GPL-3.0",
        "GPL-3.0 OR MIT",
        "GPL-3.0 AND ISC OR MIT",
        "MIT OR ISC AND GPL-3.0",
        "ISC AND (GPL-3.0 OR MIT)",
        "((MIT))",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "mit",
        "MIT AND GPL-3.0",
        "(MIT OR GPL-3.0) AND GPL-3.0",
        "MIT WITH LLVM-exception",
        "MIT OR",
        "MIT ISC",
        "(MIT",
        "MIT)",
        "MIT AND OR ISC",
    ] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}
