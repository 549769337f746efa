//! What a change costs the controller: CPU, time until it is pushed, memory. A benchmark, run by hand in a release build:
//!
//! ```text
//! cargo test --release -p karez-controller --test scale -- --ignored --nocapture
//! ```
//!
//! Everything but the wire is the controller's own: the source's queue, the index, the catalog, a conversation for each proxy.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark may fail, and prints"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use karez_api::discovery::DeltaDiscoveryRequest;
use karez_controller::ca::{Authority, AuthoritySettings, FolderStore, Store, Timestamp};
use karez_controller::catalog::{Catalog, Reader, ResourceType};
use karez_controller::leadership::Leadership;
use karez_controller::metrics::Metrics;
use karez_controller::publication::Publication;
use karez_controller::source::{self, Batch, Sender};
use karez_controller::xds::{Conversation, Visibility};
use karez_resources::Resource;
use karez_resources::manifest::{self, Reading};
use karez_resources::pod::Pod;
use karez_translate::{Delta, Options};
use nix::sys::resource::{UsageWho, getrusage};
use tokio::sync::mpsc;

/// Pods and proxies. A proxy's first response has the whole mesh, so the biggest of both takes minutes for nothing.
const CASES: [(u32, usize); 8] = [
    (1_000, 1),
    (1_000, 100),
    (1_000, 1_000),
    (10_000, 1),
    (10_000, 100),
    (10_000, 1_000),
    (100_000, 1),
    (100_000, 100),
];
const PODS_OF_NAMESPACE: u32 = 100;
const PODS_OF_SERVICE: u32 = 10;
const CHANGES: u32 = 50;
const INTERVAL: Duration = Duration::from_millis(100);
const TYPES: [ResourceType; 5] = [
    ResourceType::Address,
    ResourceType::Authorization,
    ResourceType::Mesh,
    ResourceType::Namespace,
    ResourceType::TrustBundle,
];

#[test]
#[ignore = "a benchmark"]
fn scale() {
    println!("   pods  proxies  start CPU s  CPU ms/change  push p50 ms  push p99 ms  RSS MiB");
    let only = std::env::var("PODS").ok();
    for (pods, proxies) in CASES {
        if only.as_ref().is_none_or(|only| *only == pods.to_string()) {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(measure(pods, proxies));
        }
    }
}

async fn measure(pods: u32, proxies: usize) {
    let state = tempfile::tempdir().unwrap();
    let (batches, mut catalog) = start(state.path()).await;
    let template = template();
    let everything = objects(&template, pods);
    let made = cpu();
    batches.send(Batch { deltas: everything, complete: true, ..Batch::default() }).await.unwrap();
    catalog.wait_for(Option::is_some).await.unwrap();
    let start_cpu = cpu() - made;

    let (pushed, mut pushes) = mpsc::unbounded_channel();
    for number in 0..proxies {
        tokio::spawn(proxy(format!("node-{number}"), catalog.clone(), pushed.clone()));
    }
    for _ in 0..proxies {
        pushes.recv().await.unwrap();
    }
    let before = cpu();
    let mut times = Vec::new();
    for change in 0..CHANGES {
        let number = change * 7919 % pods;
        let mut pod = pod(&template, number);
        pod.ready = false;
        let sent = Instant::now();
        let deltas = vec![Delta::set(Resource::Pod(pod))];
        batches.send(Batch { deltas, complete: true, ..Batch::default() }).await.unwrap();
        for _ in 0..proxies {
            let at: Instant = pushes.recv().await.unwrap();
            times.push(at.duration_since(sent).as_secs_f64() * 1000.0);
        }
        tokio::time::sleep(INTERVAL.saturating_sub(sent.elapsed())).await;
    }
    let per_change = (cpu() - before) * 1000.0 / f64::from(CHANGES);
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!(
        "{pods:7}  {proxies:7}  {start_cpu:11.2}  {per_change:13.2}  {:11.2}  {:11.2}  {:7}",
        at(50),
        at(99),
        resident()
    );
}

async fn start(state: &std::path::Path) -> (Sender, Reader) {
    let settings = AuthoritySettings {
        leaf_lifetime: Duration::from_secs(86_400),
        root_lifetime: Duration::from_secs(864_000),
        distribution: None,
    };
    let store = Store::Folder(Arc::new(FolderStore::open(state.to_owned()).unwrap()));
    let now = Timestamp::of(SystemTime::now());
    let (authority, task) = Authority::open(store, settings, Leadership::alone(), now).await.unwrap();
    let (batches, receiver) = source::channel();
    let (catalog, reader) = Catalog::new();
    let (publication, published) =
        Publication::new(receiver, authority.state(), catalog, Options::default(), Metrics::new());
    tokio::spawn(async move {
        // Both are held for as long as batches come.
        let _held = (task, published);
        publication.run().await;
    });
    (batches, reader)
}

/// Follows the mesh as a node proxy does, and tells when it was sent something.
async fn proxy(node: String, mut catalog: Reader, pushed: mpsc::UnboundedSender<Instant>) {
    let mut conversation = Conversation::new(&node, Visibility::Mesh);
    for resource_type in TYPES {
        conversation.receive(request(resource_type.url(), "")).unwrap();
    }
    loop {
        let snapshot = catalog.borrow_and_update().clone();
        let snapshot = snapshot.unwrap();
        let mut count = 0;
        while let Some(response) = conversation.next(&snapshot) {
            count += 1;
            conversation.receive(request(&response.type_url, &response.nonce)).unwrap();
        }
        if (count > 0 && pushed.send(Instant::now()).is_err()) || catalog.changed().await.is_err() {
            return;
        }
    }
}

fn request(type_url: &str, nonce: &str) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: type_url.to_owned(),
        response_nonce: nonce.to_owned(),
        ..Default::default()
    }
}

/// A mesh: in each namespace a hundred Pods, behind ten Services by slices.
fn objects(template: &Pod, pods: u32) -> Vec<Delta> {
    let mut deltas: Vec<Delta> =
        (0..pods).map(|number| Delta::set(Resource::Pod(pod(template, number)))).collect();
    for namespace in 0..pods / PODS_OF_NAMESPACE {
        deltas.push(read(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns-{namespace}, labels: {{karez.dev/mesh: enabled}}}}\n"
        )));
    }
    for service in 0..pods / PODS_OF_SERVICE {
        let namespace = service * PODS_OF_SERVICE / PODS_OF_NAMESPACE;
        let ip = Ipv4Addr::from_bits(Ipv4Addr::new(172, 16, 0, 0).to_bits() + service);
        deltas.push(read(&format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s-{service}, namespace: ns-{namespace}}}\n\
             spec: {{clusterIP: {ip}, selector: {{service: s-{service}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}\n"
        )));
        let endpoint = |number: u32| {
            let ip = address(number);
            format!("{{addresses: [{ip}], targetRef: {{kind: Pod, name: p-{number}}}}}")
        };
        let first = service * PODS_OF_SERVICE;
        let endpoints: Vec<String> = (first..first + PODS_OF_SERVICE).map(endpoint).collect();
        let endpoints = endpoints.join(", ");
        deltas.push(read(&format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: s-{service}-x, namespace: ns-{namespace}, labels: {{kubernetes.io/service-name: s-{service}}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: 8080}}]\nendpoints: [{endpoints}]\n"
        )));
    }
    deltas
}

fn read(text: &str) -> Delta {
    match manifest::read(text.as_bytes()).pop() {
        Some(Reading::Good(resource)) => Delta::set(*resource),
        other => panic!("{other:?}"),
    }
}

fn template() -> Pod {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, labels: {app: shop, version: v1, \
                pod-template-hash: 6d5f, app.kubernetes.io/part-of: shop}}\n\
                spec: {nodeName: n, serviceAccountName: web, containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}\n\
                status: {podIP: 10.0.0.1}\n";
    let Some(Reading::Good(resource)) = manifest::read(text.as_bytes()).pop() else { panic!("{text}") };
    match *resource {
        Resource::Pod(pod) => pod,
        other => panic!("{other:?}"),
    }
}

fn pod(template: &Pod, number: u32) -> Pod {
    let mut pod = template.clone();
    pod.name = format!("p-{number}");
    pod.namespace = format!("ns-{}", number / PODS_OF_NAMESPACE);
    pod.uid = Some(format!("7d3a5c1e-0000-4000-8000-{number:012}"));
    pod.node = Some(format!("node-{}", number % 1000));
    pod.addresses = vec![address(number)];
    pod.labels.insert("service".to_owned(), format!("s-{}", number / PODS_OF_SERVICE));
    pod
}

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 1).to_bits() + number).into()
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), u32::try_from(time.tv_usec()).unwrap() * 1000)
            .as_secs_f64()
    };
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// MiB of memory at present.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}
