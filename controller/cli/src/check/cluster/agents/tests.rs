use super::*;

fn problems(text: &str) -> Vec<NodeProblem> {
    AgentMetrics(text).problems()
}

#[test]
fn what_is_off_on_a_node_is_a_problem() {
    let all_off = "# TYPE karez_agent_cni_plugin_installed gauge\n\
                   karez_agent_cni_plugin_installed 0\nkarez_agent_kubelet_by_cgroup 0\nkarez_agent_pods_missing 2\n# EOF\n";
    assert_eq!(problems(all_off), [NodeProblem::NoPlugin, NodeProblem::Kubelet, NodeProblem::Missing(2)]);
    let well =
        "karez_agent_cni_plugin_installed 1\nkarez_agent_kubelet_by_cgroup 1\nkarez_agent_pods_missing 0\n";
    assert_eq!(problems(well), []);
}

#[test]
fn what_is_not_told_is_none() {
    for text in ["", "karez_agent_pods_missing_long 2\n", "karez_agent_pods_missing many\n", "something else"]
    {
        assert_eq!(problems(text), [], "{text:?}");
    }
}
