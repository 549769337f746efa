//! The controller's client: delta discovery, certificates, rustls configs.
