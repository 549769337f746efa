use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;

/// A process that is stopped: the kernel accepts connections for it, and nobody reads them.
struct Stopped {
    folder: TempDir,
    listener: TcpListener,
}

impl Stopped {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("root.pem"), "").unwrap();
        std::fs::write(folder.path().join("token"), "operators-token").unwrap();
        Self { folder, listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn address(&self, scheme: &str) -> ControllerAddress {
        ControllerAddress {
            controller: Some(format!("{scheme}://{}", self.listener.local_addr().unwrap())),
            controller_ca: Some(self.folder.path().join("root.pem")),
            token_file: Some(self.folder.path().join("token")),
            ..ControllerAddress::default()
        }
    }
}

/// Fails by itself where there is no limit: paused time passes at once when nothing else can happen.
async fn failure<T>(asked: impl Future<Output = Result<T, Failure>>) -> String {
    match timeout(Duration::from_secs(3600), asked).await {
        Ok(Err(Failure::Unreachable(message))) => message,
        Ok(Err(other)) => panic!("{other:?}"),
        Ok(Ok(_)) => panic!("an answer"),
        Err(_) => panic!("no end"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_is_stopped_is_not_waited_for_to_connect() {
    let stopped = Stopped::new().await;
    let address = stopped.address("https");
    let message = failure(Controller::connect(&address)).await;
    let expected =
        format!("the controller at {} accepts connections and does not answer", address.controller.unwrap());
    assert!(message.starts_with(&expected), "{message}");
}

#[tokio::test]
async fn a_token_is_sent_over_tls_alone() {
    let stopped = Stopped::new().await;
    for address in [
        stopped.address("http"),
        ControllerAddress { controller: Some("node:1".into()), ..stopped.address("") },
    ] {
        let refused = Controller::connect(&address).await.unwrap_err();
        let expected = format!("--controller {}: expected https://HOST:PORT", address.controller.unwrap());
        assert!(matches!(refused, Failure::Usage(message) if message == expected));
    }
}

// Without TLS nothing is waited for before the first call.
#[tokio::test(start_paused = true)]
async fn a_controller_that_is_stopped_is_not_waited_for_to_answer() {
    let stopped = Stopped::new().await;
    let url = stopped.address("http").controller.unwrap();
    let channel = Endpoint::from_shared(url.clone()).unwrap().connect().await.unwrap();
    let authorization = authorization(&stopped.address("http").token_file.unwrap()).unwrap();
    let replicas = vec![Replica::new(channel, format!("at {url}"))];
    let mut controller = Controller { replicas, authorization };
    let expected = format!("the controller at {url} accepts connections and does not answer");
    let message = failure(controller.status()).await;
    assert!(message.starts_with(&expected), "{message}");
    let message = failure(controller.rotate(false)).await;
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn a_replica_on_a_dead_node_is_left_out_and_the_last_one_is_missed() {
    let away = || Err(Failure::Unreachable("no route to it".to_owned()));
    for (connected, expected) in [
        (vec![Ok(1), Ok(2)], Some(vec![1, 2])),
        (vec![away(), Ok(2)], Some(vec![2])),
        (vec![away(), away()], None),
    ] {
        assert_eq!(reached(connected).ok(), expected);
    }
}
