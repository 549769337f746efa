//! Version and commit of this build.

/// Version of the workspace, such as `0.1.0`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit of the build; `unknown` unless the compiler had `KAREZ_BUILD_COMMIT`.
pub const COMMIT: &str = match option_env!("KAREZ_BUILD_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
