//! Under paused time: hours pass in a moment, and the wall clock goes with them.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use karez_api::outcome::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tonic::Code;

use super::*;
use crate::authority::{Authority, Leaf, Paused, identity};
use crate::controller::CallError;
use crate::credential::Credential;
use crate::tls::server_name;

/// A CA that counts, dawdles and fails as told.
struct Ca {
    root: Mutex<Authority>,
    clock: Arc<dyn Clock>,
    life: Duration,
    pace: Duration,
    down: Mutex<bool>,
    asked: AtomicUsize,
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

impl Ca {
    fn new(life: Duration) -> Self {
        Self {
            root: Mutex::new(Authority::root("mesh")),
            clock: Arc::new(Paused::at_noon()),
            life,
            pace: Duration::from_millis(10),
            down: Mutex::default(),
            asked: AtomicUsize::default(),
            busy: AtomicUsize::default(),
            busiest: AtomicUsize::default(),
        }
    }

    fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }

    fn bundles(&self) -> Bundles {
        let pem = self.root.lock().unwrap().pem();
        Bundles::default().with(crate::TrustBundle::from_pem("mesh", [pem.as_str()]).unwrap())
    }
}

impl Signer for Arc<Ca> {
    async fn sign(&self, identity: &Identity, csr: String) -> Result<Vec<String>, CallError> {
        self.asked.fetch_add(1, SeqCst);
        let busy = self.busy.fetch_add(1, SeqCst) + 1;
        self.busiest.fetch_max(busy, SeqCst);
        sleep(self.pace).await;
        self.busy.fetch_sub(1, SeqCst);
        if *self.down.lock().unwrap() {
            let (url, message) = ("https://ca".to_owned(), "down".to_owned());
            return Err(CallError::Answer { url, code: Code::Unavailable, message });
        }
        let now = self.clock.now();
        // Backdated, as CAs do it.
        let leaf = Leaf {
            not_before: now - Duration::from_secs(120),
            not_after: now + self.life,
            ..Leaf::of(identity)
        };
        Ok(self.root.lock().unwrap().sign(&csr, &leaf))
    }
}

/// A CA, what renews from it, and what discovery says.
struct Node {
    ca: Arc<Ca>,
    certificates: Certificates,
    bundles: watch::Sender<Bundles>,
    _renewals: JoinHandle<()>,
}

impl Node {
    fn start(ca: Ca) -> Self {
        let ca = Arc::new(ca);
        let (bundles, bundles_view) = watch::channel(Bundles::default());
        let (certificates, renewals) = Certificates::with_clock(bundles_view, Arc::clone(&ca.clock));
        let running = tokio::spawn(renewals.run(Arc::clone(&ca)));
        Self { ca, certificates, bundles, _renewals: running }
    }
}

fn cart() -> Identity {
    identity("mesh/ns/shop/sa/cart")
}

const LIFE: Duration = Duration::from_secs(1000);

async fn ready(states: &mut watch::Receiver<State>) -> Arc<Credential> {
    let state = timeout(LIFE, states.wait_for(|state| state.credential().is_some())).await.unwrap().unwrap();
    Arc::clone(state.credential().unwrap())
}

async fn next(states: &mut watch::Receiver<State>) -> State {
    timeout(2 * LIFE, states.changed()).await.unwrap().unwrap();
    states.borrow_and_update().clone()
}

#[tokio::test(start_paused = true)]
async fn one_identity_is_fetched_once_however_many_want_it() {
    let node = Node::start(Ca::new(LIFE));
    let mut watches: Vec<_> = (0..20).map(|_| node.certificates.want(&cart())).collect();
    assert!(matches!(&*watches[0].borrow(), State::Waiting { problem: None }));
    let first = ready(&mut watches[0]).await;
    for states in &mut watches {
        assert!(Arc::ptr_eq(&first, &ready(states).await));
    }
    assert_eq!(node.ca.asked(), 1);
    assert_eq!(first.identity(), &cart());
}

#[tokio::test(start_paused = true)]
async fn at_most_eight_are_asked_for_at_a_time() {
    let node = Node::start(Ca::new(LIFE));
    let identities = (0..50).map(|number| identity(&format!("mesh/ns/shop/sa/n{number}")));
    let mut watches: Vec<_> = identities.map(|identity| node.certificates.want(&identity)).collect();
    for states in &mut watches {
        ready(states).await;
    }
    assert_eq!(node.ca.asked(), 50);
    assert_eq!(node.ca.busiest.load(SeqCst), 8);
}

#[tokio::test(start_paused = true)]
async fn renewed_at_half_its_life() {
    let node = Node::start(Ca::new(LIFE));
    let mut states = node.certificates.want(&cart());
    let first = ready(&mut states).await;
    states.borrow_and_update();
    let before = Instant::now();
    let State::Ready { credential: second, problem: None } = next(&mut states).await else { panic!() };
    let share = before.elapsed().as_secs_f64() / LIFE.as_secs_f64();
    assert!((0.44..0.56).contains(&share), "{share}");
    assert!(second.not_after() > first.not_after());
    assert_ne!(second.chain(), first.chain());
}

#[tokio::test(start_paused = true)]
async fn an_old_one_is_kept_while_renewal_fails_and_not_a_moment_longer() {
    let node = Node::start(Ca::new(LIFE));
    let mut states = node.certificates.want(&cart());
    let first = ready(&mut states).await;
    node.ca.set_down(true);
    let mut failures = 0;
    let expired = loop {
        match next(&mut states).await {
            State::Ready { credential, problem } => {
                assert!(Arc::ptr_eq(&credential, &first));
                assert!(node.ca.clock.now() <= first.not_after());
                failures += usize::from(problem.is_some());
            }
            state => break state,
        }
    };
    assert!(failures >= 5, "{failures} attempts");
    assert!(
        matches!(&expired, State::Expired { not_after, problem: Some(_) } if *not_after == first.not_after())
    );
    let late = node.ca.clock.now().duration_since(first.not_after()).unwrap();
    assert!(late < Duration::from_secs(1), "{late:?}");
    let Err(Failure::NoCertificate { identity, message }) = expired.usable(&cart()) else { panic!() };
    assert_eq!(identity, cart());
    assert!(message.contains("expired") && message.contains("down"), "{message}");

    node.ca.set_down(false);
    let before = Instant::now();
    let second = ready(&mut states).await;
    assert!(second.not_after() > first.not_after());
    assert!(before.elapsed() < Duration::from_secs(19), "retried soon: {:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_first_failure_is_told_and_retried() {
    let node = Node::start(Ca::new(LIFE));
    node.ca.set_down(true);
    let mut states = node.certificates.want(&cart());
    let state = next(&mut states).await;
    assert!(matches!(state, State::Waiting { problem: Some(_) }));
    let reports = node.certificates.reports();
    assert_eq!((reports[0].identity.as_str(), reports[0].not_after), ("spiffe://mesh/ns/shop/sa/cart", 0));
    assert!(reports[0].problem.contains("down"), "{}", reports[0].problem);
    node.ca.set_down(false);
    let credential = ready(&mut states).await;
    let report = &node.certificates.reports()[0];
    let wanted = credential.not_after().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!((report.not_after, report.problem.as_str()), (i64::try_from(wanted).unwrap(), ""));
}

#[tokio::test(start_paused = true)]
async fn nobody_wanting_it_any_more_forgets_it() {
    let node = Node::start(Ca::new(LIFE));
    let mut changes = node.certificates.changes();
    let mut first = node.certificates.want(&cart());
    let second = node.certificates.want(&cart());
    ready(&mut first).await;
    drop(first);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(node.certificates.reports().len(), 1, "one still wants it");
    changes.borrow_and_update();
    drop(second);
    timeout(LIFE, changes.changed()).await.unwrap().unwrap();
    assert_eq!(node.certificates.reports(), []);
    sleep(2 * LIFE).await;
    assert_eq!(node.ca.asked(), 1, "nothing is renewed");
    let mut again = node.certificates.want(&cart());
    ready(&mut again).await;
    assert_eq!(node.ca.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn wanting_it_again_at_once_keeps_it() {
    let node = Node::start(Ca::new(LIFE));
    let mut states = node.certificates.want(&cart());
    let first = ready(&mut states).await;
    drop(states);
    let mut again = node.certificates.want(&cart());
    assert!(Arc::ptr_eq(&first, &ready(&mut again).await));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(node.certificates.reports().len(), 1);
    assert!(again.has_changed().is_ok(), "still kept up");
}

#[tokio::test(start_paused = true)]
async fn a_new_bundle_rebuilds_without_a_new_certificate() {
    let node = Node::start(Ca::new(LIFE));
    let mut states = node.certificates.want(&cart());
    let first = ready(&mut states).await;
    states.borrow_and_update();
    let pem = [node.ca.root.lock().unwrap().pem(), Authority::root("next").pem()];
    let bundle = crate::TrustBundle::from_pem("mesh", pem.iter().map(String::as_str)).unwrap();
    node.bundles.send_modify(|bundles| *bundles = bundles.with(bundle));
    let State::Ready { credential: second, .. } = next(&mut states).await else { panic!() };
    assert_eq!(second.chain(), first.chain());
    assert_eq!((first.bundle().len(), second.bundle().len()), (1, 2));
    assert!(!Arc::ptr_eq(&first.server(), &second.server()));
    assert_eq!(node.ca.asked(), 1);
    let foreign = crate::TrustBundle::from_pem("elsewhere", [pem[0].as_str()]).unwrap();
    node.bundles.send_modify(|bundles| *bundles = bundles.with(foreign));
    sleep(Duration::from_secs(1)).await;
    assert!(!states.has_changed().unwrap(), "another trust domain's roots change nothing");
}

#[tokio::test(start_paused = true)]
async fn losing_its_root_makes_a_certificate_useless_until_there_is_another() {
    let node = Node::start(Ca::new(LIFE));
    let mut states = node.certificates.want(&cart());
    let first = ready(&mut states).await;
    states.borrow_and_update();
    *node.ca.root.lock().unwrap() = Authority::root("new");
    node.bundles.send_replace(node.ca.bundles());
    let state = next(&mut states).await;
    assert!(matches!(state, State::Unrooted { .. }), "{state:?}");
    assert!(state.usable(&cart()).is_err());
    let second = ready(&mut states).await;
    assert!(!second.still_trusts(first.chain(), node.ca.clock.now()), "connections of the old one are to go");
    assert!(second.still_trusts(second.chain(), node.ca.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_under_a_root_that_the_mesh_does_not_have_is_not_taken() {
    let node = Node::start(Ca::new(LIFE));
    node.bundles.send_replace(Ca::new(LIFE).bundles());
    let mut states = node.certificates.want(&cart());
    let State::Waiting { problem: Some(problem) } = next(&mut states).await else { panic!() };
    assert!(matches!(&*problem, FetchError::Answer(BadAnswer::Untrusted { .. })), "{problem}");
    node.bundles.send_replace(node.ca.bundles());
    ready(&mut states).await;
}

/// Certificates that live seconds, a connection that lives through many of them, and new ones beside it.
#[tokio::test(start_paused = true)]
async fn renewal_disturbs_no_connection() {
    let node = Node::start(Ca::new(Duration::from_secs(10)));
    let mut states = node.certificates.want(&cart());
    let first = ready(&mut states).await;
    let (mut client, mut server) = connect(&first).await;
    for round in 0..30_u8 {
        sleep(Duration::from_secs(2)).await;
        let credential = ready(&mut states).await;
        assert!(credential.not_after() > node.ca.clock.now());
        connect(&credential).await;
        client.write_u8(round).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), round);
    }
    let asked = node.ca.asked();
    assert!((10..=16).contains(&asked), "about one in five seconds: {asked}");
}

type Io = tokio_rustls::TlsStream<tokio::io::DuplexStream>;

async fn connect(credential: &Credential) -> (Io, Io) {
    let (near, far) = duplex(4096);
    let dial = TlsConnector::from(credential.client(&[cart()])).connect(server_name(), near);
    let accept = TlsAcceptor::from(credential.server()).accept(far);
    let (client, server) = tokio::try_join!(dial, accept).unwrap();
    (client.into(), server.into())
}
