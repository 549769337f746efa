use karez_process::drain;
use karez_process::http::{Routes, json, listen, serve};

use super::harness::karez;

#[tokio::test]
async fn the_dump_is_printed_as_it_is() {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let admin = format!("--admin=http://{}", listener.local_addr().unwrap());
    let (trigger, drain) = drain::new();
    let routes = Routes::new().at("/config_dump", || json("{\"workloads\": []}"));
    let server = tokio::spawn(serve(listener, routes, drain));
    let run = karez(&["dump", &admin]).await;
    assert_eq!((run.status, &*run.stdout), (0, "{\"workloads\": []}\n"));
    drop(trigger);
    server.await.unwrap();
    let run = karez(&["dump", &admin]).await;
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("is karez-node running here"), "{run:?}");
}

#[tokio::test]
async fn what_is_no_admin_port_is_told() {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let admin = format!("--admin=http://{}", listener.local_addr().unwrap());
    let (_trigger, drain) = drain::new();
    tokio::spawn(serve(listener, Routes::new(), drain));
    let run = karez(&["dump", &admin]).await;
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("404"), "{run:?}");
    assert_eq!(karez(&["dump", "--admin=nonsense"]).await.status, 2);
}
