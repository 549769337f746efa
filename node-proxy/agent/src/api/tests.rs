use std::os::unix::fs::PermissionsExt as _;

use karez_handover::enrol::client::{Client, ClientError};
use nix::unistd::geteuid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::pod_task::tests::world::{Agent, request};

struct World {
    folder: tempfile::TempDir,
    agent: Agent,
    client: Client,
    serving: tokio::task::JoinHandle<()>,
}

fn world() -> World {
    world_for(geteuid().as_raw())
}

/// An agent whose enrol socket is for processes of that uid.
fn world_for(uid: u32) -> World {
    let folder = tempfile::tempdir().unwrap();
    let agent = Agent::start(folder.path());
    agent.context.kernel.add("/web", 10);
    let socket = folder.path().join("sub/agent.sock");
    let serving = tokio::spawn(serve(
        listen(&socket).unwrap(),
        uid,
        Endpoints { handle: agent.handle.clone(), new_pods: None, uninstall: None },
    ));
    World { client: Client::new(socket), folder, agent, serving }
}

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (StatusCode, String) {
    match result.unwrap_err() {
        ClientError::Refused { status, message } => (status, message),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_clients_calls() {
    let World { folder: _folder, agent, client, serving } = world();
    let enrolment = client.add(&request("web", "/web")).await.unwrap();
    assert!(enrolment.pod.captured && enrolment.changed.is_empty());
    assert_eq!(client.list().await.unwrap().pods, [enrolment.pod]);

    let (status, message) = refused(client.add(&request("other", "/web")).await);
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(message.contains("shop/web"), "{message}");
    assert_eq!(refused(client.add(&request("other", "/none")).await).0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused(client.add(&request("a b", "/web")).await).0, StatusCode::BAD_REQUEST);
    let (status, message) = refused(client.add(&request("other", "run/netns/other")).await);
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(message.contains("run/netns/other does not"), "{message}");
    agent.context.kernel.add("/full", 11);
    agent.context.kernel.fail("install");
    let (status, message) = refused(client.add(&request("full", "/full")).await);
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(message.starts_with("Pod shop/full cannot be enrolled: "), "{message}");

    assert_eq!(client.remove("shop", "web").await.unwrap().problem, None);
    let (status, message) = refused(client.remove("shop", "web").await);
    assert_eq!((status, message.as_str()), (StatusCode::NOT_FOUND, "Pod shop/web is not enrolled"));
    serving.abort();
}

#[tokio::test]
async fn without_an_agent_the_client_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(folder.path().join("none.sock"));
    assert!(matches!(client.list().await, Err(ClientError::Unreachable { .. })));
}

/// Sends a request as it is and gives the answer's status.
async fn raw(folder: &Path, request: &str) -> (String, String) {
    let mut stream = UnixStream::connect(folder.join("sub/agent.sock")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn requests_that_no_client_of_ours_makes() {
    let World { folder, serving, .. } = world();
    let long = "x".repeat(LARGEST_REQUEST + 1);
    let cases = [
        ("GET /", "", "404"),
        ("PUT /pods", "", "405"),
        ("DELETE /pods/shop", "", "404"),
        ("POST /pods/shop/web", "", "405"),
        ("POST /pods", "", "400"),
        ("POST /pods", "{}", "400"),
        ("POST /pods", r#"{"namespace":"shop","name":"web","netns":"/web","netsn":"/web"}"#, "400"),
        ("POST /pods", &long, "400"),
    ];
    for (line, body, expected) in cases {
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let (status, body) = raw(folder.path(), &request).await;
        assert_eq!(status, expected, "{line}: {body}");
        assert!(serde_json::from_str::<Problem>(&body).is_ok(), "{line}: {body}");
    }
    serving.abort();
}

#[tokio::test(start_paused = true)]
async fn others_are_turned_away_without_a_pause() {
    let World { folder: _folder, agent: _agent, client, serving } = world_for(geteuid().as_raw() + 1);
    let begin = tokio::time::Instant::now();
    for _ in 0..10 {
        assert!(matches!(client.list().await, Err(ClientError::BadAnswer { .. })));
    }
    assert_eq!(begin.elapsed(), Duration::ZERO);
    serving.abort();
}

#[tokio::test]
async fn the_socket_is_roots_and_replaces_an_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    drop(listen(&path).unwrap());
    let _listener = listen(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let file = folder.path().join("file");
    fs::write(&file, "not a socket").unwrap();
    let error = listen(&file).unwrap_err().to_string();
    assert!(error.contains("file"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"not a socket");
}
