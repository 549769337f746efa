use super::*;

fn agent(node: &str, uid: &str, state: AgentState) -> Agent {
    Agent { node: node.to_owned(), pod: format!("agent-{uid}"), uid: uid.to_owned(), state }
}

fn uids(agents: &[Agent]) -> Vec<&str> {
    agents.iter().map(|agent| agent.uid.as_str()).collect()
}

#[test]
fn each_agent_is_asked_once_at_a_time_and_again_after_an_error() {
    let mut progress = Progress::default();
    assert!(!progress.is_over(), "nobody has looked");
    let (first, second) = (agent("n1", "1", AgentState::Running), agent("n2", "2", AgentState::Running));
    progress.see(vec![first.clone(), second.clone()], 2);
    assert_eq!(uids(&progress.ask(1)), ["1"]);
    assert_eq!(uids(&progress.ask(5)), ["2"]);
    assert!(progress.ask(5).is_empty());
    progress.note(&first, Ok(()));
    progress.note(&second, Err("busy".to_owned()));
    assert_eq!(uids(&progress.ask(5)), ["2"]);
    assert!(!progress.is_over());
    progress.note(&second, Ok(()));
    assert!(progress.is_over() && progress.ask(5).is_empty());
}

#[test]
fn a_dead_node_is_named_and_not_waited_for() {
    let mut progress = Progress::default();
    progress.see(vec![agent("n1", "1", AgentState::DeadNode)], 1);
    assert!(progress.ask(5).is_empty() && progress.is_over());
    assert!(text(&progress.nodes()).contains("n1    not waited for  its kubelet gives no sign of life"));
}

#[test]
fn another_pod_of_a_node_is_asked_too() {
    let mut progress = Progress::default();
    let first = agent("n1", "1", AgentState::Running);
    progress.see(vec![first.clone()], 1);
    progress.ask(5);
    progress.note(&first, Ok(()));
    progress.see(Vec::new(), 1);
    assert!(!progress.is_over(), "the node's agent is being replaced");
    progress.see(vec![agent("n1", "2", AgentState::Starting)], 1);
    assert!(!progress.is_over() && progress.ask(5).is_empty());
    assert_eq!(progress.waits(), "n1: Pod agent-2 does not run");
    progress.see(vec![agent("n1", "2", AgentState::Running)], 1);
    assert_eq!(uids(&progress.ask(5)), ["2"]);
}

#[test]
fn a_cluster_without_agents_is_done() {
    let mut progress = Progress::default();
    progress.see(Vec::new(), 0);
    assert!(progress.is_over());
    assert_eq!(text(&progress.nodes()), "no node has an agent\n");
}
