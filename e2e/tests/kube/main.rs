//! Karez on a real cluster, as `e2e/kube up` leaves it. `e2e/kube test` runs these where `kubectl` finds the cluster.
//!
//! * `cluster` – that the cluster itself works, without the mesh
//!
//! Behind them:
//!
//! * `kubectl` – the cluster as its users command it
//! * `namespace` – a namespace of its own for each test, gone with it
//! * `workloads` – what the tests run in it

mod cluster;
mod kubectl;
mod namespace;
mod workloads;
