//! Gives bytes to an inspector as reads would.

use karez_framing::{Inspector, Reason, RequestFacts, RequestInspector};

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fed {
    /// Bytes that passed.
    pub(crate) passed: usize,
    /// Why the next byte did not.
    pub(crate) refusal: Option<Reason>,
    /// The requests, with the position behind each head.
    pub(crate) requests: Vec<(usize, RequestFacts)>,
}

/// Feeds reads of a client.
pub(crate) fn feed_requests<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Fed {
    feed(&mut RequestInspector::new(), reads)
}

/// Feeds reads.
pub(crate) fn feed<'a>(inspector: &mut impl Inspector, reads: impl IntoIterator<Item = &'a [u8]>) -> Fed {
    let mut fed = Fed::default();
    let mut held = Vec::new();
    for read in reads {
        held.extend_from_slice(read);
        while !held.is_empty() {
            match inspector.inspect(&held) {
                Ok(verdict) => {
                    fed.passed += verdict.passed;
                    fed.requests.extend(verdict.request.map(|facts| (fed.passed, facts)));
                    held.drain(..verdict.passed);
                    if verdict.passed == 0 {
                        break;
                    }
                }
                Err(malformed) => {
                    fed.refusal = Some(malformed.reason);
                    assert_eq!(inspector.inspect(&held), Err(malformed), "a refusal is for ever");
                    return fed;
                }
            }
        }
    }
    fed
}
