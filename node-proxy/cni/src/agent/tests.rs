use std::os::unix::net::UnixListener;
use std::thread;

use super::*;

fn request() -> AddRequest {
    AddRequest {
        namespace: "shop".to_owned(),
        name: "web".to_owned(),
        uid: None,
        netns: "/run/netns/1".into(),
    }
}

/// What the plugin makes of that answer.
fn ask(answer: &'static str) -> Result<AddReply, AskError> {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let agent = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"}") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.extend(byte);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    let reply = add(&socket, &request(), Instant::now() + Duration::from_secs(20));
    let asked = agent.join().unwrap();
    assert!(asked.starts_with("POST /cni/add HTTP/1.1\r\n"), "{asked}");
    assert!(asked.ends_with(&serde_json::to_string(&request()).unwrap()), "{asked}");
    reply
}

#[test]
fn answers_are_told_apart() {
    assert_eq!(
        ask("HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"captured\":true}"),
        Ok(AddReply { captured: true })
    );
    let unknown = ask("HTTP/1.1 404 Not Found\r\n\r\n{\"error\":\"not told\"}");
    assert_eq!(unknown, Err(AskError::Unknown("not told".to_owned())));
    let failed = ask("HTTP/1.1 500 Internal Server Error\r\n\r\n{\"error\":\"nft\"}");
    assert_eq!(failed, Err(AskError::NotCaptured("nft".to_owned())));
    assert_eq!(
        ask("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        Err(AskError::NotCaptured("HTTP status 502".to_owned()))
    );
    for nonsense in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n\r\n{", "hello"] {
        assert!(matches!(ask(nonsense), Err(AskError::NoAnswer { .. })), "{nonsense:?}");
    }
}

#[test]
fn an_agent_that_is_silent_or_away_is_not_waited_for_beyond_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let soon = || Instant::now() + Duration::from_millis(50);
    assert!(matches!(add(&socket, &request(), soon()), Err(AskError::NoAnswer { .. })));
    let _silent = UnixListener::bind(&socket).unwrap();
    assert!(matches!(add(&socket, &request(), soon()), Err(AskError::NoAnswer { .. })));
}
