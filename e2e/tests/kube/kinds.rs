//! Pods of every kind in the mesh: Jobs end, a StatefulSet's Pods are reached by their names.

use anyhow::{Result, ensure};

use crate::mesh;
use crate::namespace::{Namespace, PATIENCE};
use crate::workloads;

#[test]
fn a_job_finishes_and_its_first_connection_goes_through_the_mesh() -> Result<()> {
    let namespace = Namespace::create("job")?;
    namespace.apply(&[workloads::server("web", "n2"), workloads::service("web")])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["web"])?;
    let curl = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", "http://web"];
    namespace.apply(&[workloads::job("once", &curl)])?;
    let timeout = format!("--timeout={}s", PATIENCE.as_secs());
    namespace.kubectl(&["wait", "--for=condition=Complete", "job/once", &timeout])?;
    mesh::wait_logged("the Job's connection, with its identity", |line| {
        line.text("direction") == "inbound"
            && line.text("dst.namespace") == namespace.name()
            && line.text("src.identity") == mesh::identity(&namespace)
    })?;
    Ok(())
}

#[test]
fn pods_of_a_stateful_set_are_reached_by_their_names_and_by_their_service() -> Result<()> {
    let namespace = Namespace::create("stateful")?;
    namespace.apply(&workloads::stateful("db", 2))?;
    namespace.apply(&[workloads::client("client", "n1")])?;
    namespace.wait_ready()?;
    mesh::enrol(&namespace, &["db-0", "db-1", "client"])?;
    for pod in ["db-0", "db-1"] {
        let answer = namespace.curl("client", &format!("http://{pod}.db"))?;
        ensure!(answer == format!("{pod}\n"), "{pod}.db is answered by {answer:?}");
        let tunnel = format!("{}:15008", namespace.address(pod)?);
        mesh::wait_logged(&format!("the tunnel to {pod}"), |line| {
            line.text("direction") == "outbound" && line.text("dst.addr") == tunnel
        })?;
    }
    let answer = namespace.curl("client", "http://db")?;
    ensure!(["db-0\n", "db-1\n"].contains(&&*answer), "the Service is answered by {answer:?}");
    Ok(())
}
