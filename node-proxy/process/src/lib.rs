//! What every long-running program does the same way.
