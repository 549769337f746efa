//! The mesh's names answered, all else forwarded.
