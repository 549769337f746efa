//! The matches on one path.

use super::candidate::Candidate;
use super::value_index::ValueIndex;
use crate::request::IndexedRequest;

/// Candidates whose paths match the same requests.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// By precedence.
    candidates: Vec<Candidate>,
    by_value: ValueIndex,
    /// Those that are in no index, by precedence.
    others: Vec<usize>,
}

impl Group {
    /// Makes a group of candidates, which come from the oldest route to the youngest.
    pub(super) fn new(mut candidates: Vec<Candidate>) -> Self {
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.specificity()));
        // None after one that matches every request is ever reached.
        if let Some(last) = candidates.iter().position(Candidate::is_unconditional) {
            candidates.truncate(last + 1);
        }
        let (by_value, others) = ValueIndex::of(&candidates);
        Self { candidates, by_value, others }
    }

    /// The rule of the first candidate that the request matches.
    pub(super) fn select(&self, request: &IndexedRequest<'_>) -> Option<usize> {
        let mut best = self.first_match(&self.others, usize::MAX, request);
        self.by_value.visit(request, |positions| {
            let limit = best.unwrap_or(usize::MAX);
            best = self.first_match(positions, limit, request).or(best);
        });
        self.candidates.get(best?).map(|candidate| candidate.rule)
    }

    /// The first of these positions below `limit` whose candidate matches.
    fn first_match(&self, positions: &[usize], limit: usize, request: &IndexedRequest<'_>) -> Option<usize> {
        let mut positions = positions.iter().copied().take_while(|position| *position < limit);
        positions.find(|position| {
            self.candidates.get(*position).is_some_and(|candidate| candidate.matches(request))
        })
    }
}
