//! Nodes and Pods as network namespaces.
