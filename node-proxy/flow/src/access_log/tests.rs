use std::sync::{Arc, Mutex};

use karez_api::outcome::Refusal;

use super::*;
use crate::endpoint::{Direction, Endpoint, FlowSide, Security, Service};
use crate::metrics::Metrics;

fn tunnelled(direction: Direction) -> Flow {
    let endpoint = |workload: &str, account| Endpoint {
        workload: Some(workload.into()),
        namespace: Some("shop".into()),
        principal: Identity::new("cluster.local", "shop", account).ok(),
        cluster: Some("Kubernetes".into()),
        ..Endpoint::default()
    };
    Flow {
        direction,
        source: FlowSide {
            address: "10.1.0.5:40312".parse().unwrap(),
            name: Some("web-7d4b9".into()),
            endpoint: Arc::new(endpoint("web", "web")),
        },
        destination: FlowSide {
            address: "10.1.1.7:15008".parse().unwrap(),
            name: None,
            endpoint: Arc::new(endpoint("reviews", "reviews")),
        },
        authority: Some("10.1.1.7:8080".into()),
        service: Some(Arc::new(Service {
            hostname: "reviews.shop.svc.cluster.local".into(),
            name: "reviews".into(),
            namespace: "shop".into(),
        })),
        security: Security::MutualTls,
    }
}

fn line(flow: &Flow, outcome: &Outcome) -> String {
    let ended = Ended {
        flow,
        moved: Moved { sent: 120, received: 4096 },
        duration: Duration::from_micros(5_999),
        outcome,
    };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_507_380);
    String::from_utf8(ended.line(now)).unwrap()
}

#[test]
fn a_tunnelled_connection() {
    let expected = concat!(
        r#"{"level":"info","time":"2026-11-24T08:03:00.000000Z","scope":"access","message":"connection complete","#,
        r#""src.addr":"10.1.0.5:40312","src.workload":"web-7d4b9","src.namespace":"shop","#,
        r#""src.identity":"spiffe://cluster.local/ns/shop/sa/web","src.cluster":"Kubernetes","#,
        r#""dst.addr":"10.1.1.7:15008","dst.hbone_addr":"10.1.1.7:8080","#,
        r#""dst.service":"reviews.shop.svc.cluster.local","dst.workload":"reviews","dst.namespace":"shop","#,
        r#""dst.identity":"spiffe://cluster.local/ns/shop/sa/reviews","dst.cluster":"Kubernetes","#,
        r#""direction":"outbound","bytes_sent":120,"bytes_recv":4096,"duration":"5ms"}"#,
        "\n",
    );
    assert_eq!(line(&tunnelled(Direction::Outbound), &Outcome::Done), expected);
}

#[test]
fn a_refusal_tells_why() {
    let refused = Outcome::Refused(Refusal::DeniedByPolicy { policy: "shop/no-\"web\"".to_owned() });
    let line = line(&tunnelled(Direction::Inbound), &refused);
    assert!(line.starts_with(r#"{"level":"error","#), "{line}");
    let end = r#""response_flags":"DENY","error":"denied by AuthorizationPolicy shop/no-\"web\""}"#;
    assert!(line.ends_with(&format!("{end}\n")), "{line}");
}

#[test]
fn before_anything_is_known_there_are_addresses_alone() {
    let flow = Flow::unknown(
        Direction::Inbound,
        "[fd00::1]:40312".parse().unwrap(),
        "[fd00::2]:15008".parse().unwrap(),
    );
    let expected = concat!(
        r#"{"level":"warn","time":"2026-11-24T08:03:00.000000Z","scope":"access","message":"connection failed","#,
        r#""src.addr":"[fd00::1]:40312","dst.addr":"[fd00::2]:15008","direction":"inbound","#,
        r#""bytes_sent":120,"bytes_recv":4096,"duration":"5ms","response_flags":"NOT_CONFIGURED","#,
        r#""error":"the controller's configuration does not know this Pod with this address"}"#,
        "\n",
    );
    assert_eq!(line(&flow, &Refusal::NotConfigured.into()), expected);
}

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    /// The written lines.
    fn lines(&self) -> Vec<serde_json::Value> {
        let written = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn failures_of_the_unknown_are_limited_and_hide_no_other_line() {
    const FAILURES: usize = 5000;
    let sink = Sink::default();
    let (log, flush) = AccessLog::start(sink.clone()).unwrap();
    let worker = Metrics::new("karez", log.clone()).worker();
    let (client, server) = ("[fd00::1]:40312".parse().unwrap(), "[fd00::2]:15008".parse().unwrap());
    for _ in 0..FAILURES {
        worker.open(Flow::unknown(Direction::Inbound, client, server)).finish(Refusal::NotConfigured);
    }
    worker.open(tunnelled(Direction::Inbound)).finish(Refusal::NotConfigured);
    worker.open(Flow::unknown(Direction::Inbound, client, server)).finish(Outcome::Done);
    drop(flush);
    let lines = sink.lines();
    let anonymous = lines.iter().filter(|line| line["message"] == "connection failed").count();
    let left_out = usize::try_from(log.left_out()).unwrap();
    assert!(anonymous < FAILURES / 2, "{anonymous} lines");
    assert_eq!(anonymous + left_out, FAILURES);
    let others: Vec<_> = lines.iter().filter(|line| line["message"] == "connection complete").collect();
    assert_eq!(others.len(), 2);
}

#[test]
fn a_line_stands_for_those_that_were_left_out() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_507_380);
    let expected = concat!(
        r#"{"level":"warn","time":"2026-11-24T08:03:00.000000Z","scope":"access","#,
        r#""message":"connections failed before either end was known","left_out":7}"#,
        "\n",
    );
    assert_eq!(String::from_utf8(left_out_line(7, now)).unwrap(), expected);
}

#[test]
fn a_record_writes_one_line_when_it_ends() {
    let sink = Sink::default();
    let (log, flush) = AccessLog::start(sink.clone()).unwrap();
    let worker = Metrics::new("karez", log.clone()).worker();
    worker.open(tunnelled(Direction::Outbound)).finish(Outcome::Done);
    drop(worker.open(tunnelled(Direction::Inbound)));
    drop(flush);
    let lines = sink.lines();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["direction"], "outbound");
    assert_eq!(lines[1]["error"], "closed because the node proxy is stopping");
    assert_eq!(log.dropped(), 0);
}
