use http_body_util::BodyExt;

use super::*;

async fn said(readiness: &Readiness) -> (u16, String) {
    let answer = readiness.answer();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn all_conditions_must_hold() {
    let readiness = Readiness::new();
    let configuration = readiness.condition("configuration");
    let agent = readiness.condition("agent");
    assert_eq!(said(&readiness).await, (503, "not ready: awaiting agent, configuration\n".to_owned()));
    configuration.met();
    configuration.met();
    assert_eq!(readiness.awaited(), ["agent"]);
    agent.met();
    assert_eq!(said(&readiness).await, (200, "ready\n".to_owned()));
    agent.unmet();
    assert_eq!(readiness.awaited(), ["agent"]);
}

#[tokio::test]
async fn ready_returns_when_the_last_condition_is_met() {
    let readiness = Readiness::new();
    let condition = readiness.condition("configuration");
    let waiter = readiness.clone();
    let waiting = tokio::spawn(async move { waiter.ready().await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    condition.met();
    waiting.await.unwrap();
}
