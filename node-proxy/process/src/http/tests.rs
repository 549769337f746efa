use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::drain::{self, Trigger};

async fn server() -> (SocketAddr, Trigger, tokio::task::JoinHandle<()>) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Routes::new()
        .at("/healthz/ready", || text(StatusCode::OK, "ready\n"))
        .at_async("/echo", |request| async move { json(request.uri.query().unwrap_or("none").to_owned()) });
    let (trigger, drain) = drain::new();
    (address, trigger, tokio::spawn(serve(listener, routes, drain)))
}

async fn ask(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn paths_are_answered() {
    let (address, _trigger, _server) = server().await;
    for (head, status, end) in [
        ("GET /healthz/ready HTTP/1.1", "200 OK", "\r\n\r\nready\n"),
        ("GET /healthz/ready?x=y HTTP/1.1", "200 OK", "\r\n\r\nready\n"),
        ("HEAD /healthz/ready HTTP/1.1", "200 OK", "\r\n\r\n"),
        ("GET /echo?a=1 HTTP/1.1", "200 OK", "\r\n\r\na=1"),
        ("GET /none HTTP/1.1", "404 Not Found", "  /healthz/ready\n  /echo\n"),
        ("POST /echo HTTP/1.1", "405 Method Not Allowed", "only GET\n"),
    ] {
        let answer = ask(address, head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}: {answer}");
        assert!(answer.ends_with(end), "{head}: {answer}");
    }
}

#[tokio::test]
async fn a_long_head_is_refused() {
    let (address, _trigger, _server) = server().await;
    let head = format!("GET /echo?{} HTTP/1.1", "x".repeat(2 * HEAD_SIZE));
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn the_end_of_the_drain_ends_it() {
    let (address, trigger, server) = server().await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    trigger.start(Duration::from_secs(3600));
    assert!(ask(address, "GET /healthz/ready HTTP/1.1").await.ends_with("ready\n"));
    trigger.abort();
    server.await.unwrap();
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

/// Sends a request over a connection that stays open.
async fn ask_on(stream: &mut TcpStream) {
    stream.write_all(b"GET /healthz/ready HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    let mut length = 0;
    while !answer[..length].ends_with(b"ready\n") {
        length += stream.read(&mut answer[length..]).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_holds_connections_keeps_nobody_out() {
    let (address, _trigger, _server) = server().await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask_on(&mut stream).await;
        held.push(stream);
    }
    for _ in 0..3 {
        assert!(ask(address, "GET /healthz/ready HTTP/1.1").await.ends_with("ready\n"));
    }
    let mut rest = Vec::new();
    held[0].read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty(), "the oldest made room");
    ask_on(held.last_mut().unwrap()).await;
}

#[tokio::test]
async fn a_thread_serves_while_the_program_is_busy_and_ends_with_what_started_it() {
    let (_trigger, drain) = drain::new();
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Routes::new().at_shared(&["/a", "/b"], async || text(StatusCode::OK, "answered\n"));
    let serving = serve_apart(vec![(listener, routes)], &drain).unwrap();
    // Meanwhile the test's own runtime polls nothing.
    for path in ["/a", "/b"] {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.ends_with("\r\n\r\nanswered\n"), "{answer}");
    }
    let mut idle = TcpStream::connect(address).await.unwrap();
    drop(serving);
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_busy_address_is_named() {
    let (address, _trigger, _server) = server().await;
    let error = listen(address).await.unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}
