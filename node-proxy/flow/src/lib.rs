//! Flow records, metrics, access log.
