//! Namespaces, nftables, socket options, descriptor passing.
