//! The mesh as a value: state, plan, authorization, balancing.
