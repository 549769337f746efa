//! What agent, node proxy and CNI plugin say to each other.
