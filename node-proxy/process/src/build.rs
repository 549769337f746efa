//! Which build this is.

/// Version of the workspace, such as `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit that it was built from; `unknown` unless `KAREZ_BUILD_COMMIT` named it to the compiler.
pub const COMMIT: &str = match option_env!("KAREZ_BUILD_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
