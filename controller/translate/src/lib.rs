//! Resources translated to what the proxies understand.
