//! Kubernetes objects as users write them, and their validation.
