//! Finds the candidates that want a value which a request has.

use std::collections::HashMap;

use http::HeaderName;

use super::candidate::{Candidate, Property};
use crate::request::IndexedRequest;

/// Positions of candidates, each by one value that it wants exactly.
#[derive(Debug, Default)]
pub(super) struct ValueIndex {
    headers: HashMap<HeaderName, Positions>,
    query_params: HashMap<Box<str>, Positions>,
}

/// Positions by value. Those of one value ascend.
type Positions = HashMap<Box<[u8]>, Vec<usize>>;

impl ValueIndex {
    /// Indexes candidates, each by the value that fewest of them want. The other result are the positions of those that
    /// want none.
    pub(super) fn of(candidates: &[Candidate]) -> (Self, Vec<usize>) {
        let mut demand: HashMap<_, usize> = HashMap::new();
        for wanted in candidates.iter().flat_map(Candidate::exact_values) {
            *demand.entry(wanted).or_default() += 1;
        }
        let (mut index, mut others) = (Self::default(), Vec::new());
        for (position, candidate) in candidates.iter().enumerate() {
            let rarest = candidate.exact_values().min_by_key(|wanted| demand.get(wanted));
            match rarest {
                Some((property, value)) => index.insert(property, value, position),
                None => others.push(position),
            }
        }
        (index, others)
    }

    fn insert(&mut self, property: Property<'_>, value: &[u8], position: usize) {
        let positions = match property {
            Property::Header(name) => self.headers.entry(name.clone()).or_default(),
            Property::QueryParam(name) => self.query_params.entry(name.into()).or_default(),
        };
        positions.entry(value.into()).or_default().push(position);
    }

    /// Calls `found` with the positions for each value that the request has.
    pub(super) fn visit(&self, request: &IndexedRequest<'_>, mut found: impl FnMut(&[usize])) {
        let mut look_up_header = |name, positions: &Positions| {
            if let Some(positions) = request.header(name).and_then(|value| positions.get(&*value)) {
                found(positions);
            }
        };
        if self.headers.len() <= request.view.headers.keys_len() {
            self.headers.iter().for_each(|(name, positions)| look_up_header(name, positions));
        } else {
            let names = request.header_names().filter_map(|name| Some((name, self.headers.get(name)?)));
            names.for_each(|(name, positions)| look_up_header(name, positions));
        }
        for (name, positions) in &self.query_params {
            if let Some(positions) = request.query_param(name).and_then(|value| positions.get(value)) {
                found(positions);
            }
        }
    }
}
