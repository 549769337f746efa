use super::agent::Agent;
use super::harness::{Run, karez};

async fn pod(agent: &Agent, arguments: &[&str]) -> Run {
    let agent = format!("--agent={}", agent.socket().display());
    karez(&[&["pod"], arguments, &[agent.as_str()]].concat()).await
}

#[tokio::test]
async fn pods_come_are_listed_and_go() {
    let agent = Agent::start();
    let run = pod(&agent, &["list"]).await;
    assert_eq!((run.status, &*run.stdout), (0, "no Pod of this machine is in the mesh\n"));

    let add = [
        "add",
        "shop/web",
        "--netns=/run/netns/web",
        "--service-account=web",
        "--ip=10.0.0.1",
        "--ip=fd00::1",
    ];
    let run = pod(&agent, &add).await;
    assert_eq!((run.status, &*run.stdout), (0, "shop/web is captured; carried by karez-node\n"));

    let run = pod(&agent, &["list", "--output=json"]).await;
    let web = &run.json()["pods"][0];
    assert_eq!(run.status, 0);
    assert_eq!(
        (&web["namespace"], &web["serviceAccount"], &web["uid"]),
        (&"shop".into(), &"web".into(), &"shop/web".into())
    );
    assert_eq!(web["addresses"], serde_json::json!(["10.0.0.1", "fd00::1"]));

    let run = pod(&agent, &["remove", "shop/web"]).await;
    assert_eq!((run.status, &*run.stdout), (0, "shop/web is out of the mesh\n"));
    let run = pod(&agent, &["remove", "shop/web"]).await;
    assert_eq!((run.status, &*run.stderr), (1, "karez: that Pod is not enrolled\n"));
}

#[tokio::test]
async fn a_pod_that_is_not_captured_is_wrong() {
    let agent = Agent::start();
    let run = pod(&agent, &["add", "shop/web", "--netns=/broken"]).await;
    assert_eq!(run.status, 1);
    assert!(run.stdout.contains("shop/web is not captured") && run.stdout.contains("no rules"), "{run:?}");
    assert_eq!(pod(&agent, &["list"]).await.status, 1);
}

#[tokio::test]
async fn an_agent_that_is_not_there_and_a_wrong_use_are_told_apart() {
    let run = karez(&["pod", "list", "--agent=/nonexistent/agent.sock"]).await;
    assert_eq!(run.status, 3);
    assert!(
        run.stderr.contains("/nonexistent/agent.sock") && run.stderr.contains("is karez-agent running"),
        "{run:?}"
    );
    for wrong in [&["pod", "add", "web", "--netns=/x"][..], &["pod", "add", "shop/web"], &["pod"], &["pods"]]
    {
        assert_eq!(karez(wrong).await.status, 2, "{wrong:?}");
    }
}
