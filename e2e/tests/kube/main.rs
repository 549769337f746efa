//! Karez on a real cluster, as `e2e/kube up` leaves it. `e2e/kube test` runs these where `kubectl` finds the cluster.
//!
//! * `cluster` – that the cluster itself works, without the mesh
//! * `authority` – the certificate authority's Secret, when somebody deletes it
//! * `capture` – Pods enter the mesh and leave it by a label, without a restart
//! * `membership` – Pods that enter the mesh and leave it under load
//! * `mtls` – what crosses between nodes, and what strict mode refuses
//! * `nodes` – nodes that are not ours
//! * `policies` – what becomes of a policy that is edited wrongly
//! * `probes` – kubelet's probes in strict mode, which nobody else's plaintext passes with
//! * `network_policies` – these beside the mesh, as a real engine enforces them
//! * `burst` – 200 Pods at once, and what their first connections took
//! * `rotation` – the root replaced, with a node and a replica away
//! * `rollout` – a Deployment replaced under load
//! * `kinds` – Jobs and StatefulSets
//! * `identities` – who a Pod is, when its account or address was another's
//! * `absence` – agents, controllers and nodes that go and come back
//! * `cni` – networks' configurations, which other programs write too
//! * `leadership` – who of the controllers writes
//! * `rights` – what the mesh's programs may do in the cluster
//! * `installation` – the chart changed, uninstalled and installed again
//!
//! Behind them:
//!
//! * `kubectl`, `helm` – the cluster and the chart as their users command them
//! * `namespace` – a namespace of its own for each test, gone with it
//! * `workloads` – what the tests run in it
//! * `load` – requests that go on meanwhile
//! * `machine` – the machines underneath
//! * `traces` – what Karez puts on a node
//! * `mesh` – entering the mesh, leaving it, and what its node proxies logged
//! * `program` – programs, run to their end

mod absence;
mod authority;
mod burst;
mod capture;
mod cluster;
mod cni;
mod helm;
mod identities;
mod installation;
mod kinds;
mod kubectl;
mod leadership;
mod load;
mod machine;
mod membership;
mod mesh;
mod mtls;
mod namespace;
mod network_policies;
mod nodes;
mod policies;
mod probes;
mod program;
mod rights;
mod rollout;
mod rotation;
mod traces;
mod workloads;
