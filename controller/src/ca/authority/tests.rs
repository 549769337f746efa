use std::collections::BTreeMap;

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;

use super::*;
use crate::ca::{FolderStore, Phase, Root, Roots, Standing};

const LEAF: Duration = Duration::from_secs(3600);

/// Says of every node what the test says; one whose name begins with `lost` was lost at second 1000.
#[derive(Clone)]
struct Told(watch::Receiver<BTreeMap<String, Standing>>);

impl Witnesses for Told {
    fn standings(&self, _: &Roots) -> BTreeMap<String, Standing> {
        self.0.borrow().clone()
    }

    fn lost_at(&self, node: &str) -> Option<Timestamp> {
        node.starts_with("lost").then(|| Timestamp::from_seconds(1000))
    }
}

async fn open(folder: &TempDir) -> (Authority, AuthorityTask) {
    open_with(folder, None).await
}

async fn open_with(folder: &TempDir, distribution: Option<Duration>) -> (Authority, AuthorityTask) {
    let store = Store::Folder(Arc::new(FolderStore::open(folder.path().to_owned()).unwrap()));
    let settings = AuthoritySettings { leaf_lifetime: LEAF, root_lifetime: LEAF * 100, distribution };
    Authority::open(store, settings, Leadership::alone(), Timestamp::of(SystemTime::now())).await.unwrap()
}

fn told(standings: &[(&str, Standing)]) -> (watch::Sender<BTreeMap<String, Standing>>, Told) {
    let standings = standings.iter().map(|(name, standing)| ((*name).to_owned(), *standing)).collect();
    let (sender, reader) = watch::channel(standings);
    (sender, Told(reader))
}

fn phases(authority: &Authority) -> Vec<Phase> {
    authority.state().borrow().roots.all().map(|(phase, _)| phase).collect()
}

fn signing(authority: &Authority) -> String {
    authority.state().borrow().roots.signing().certificate().fingerprint().to_owned()
}

fn requested_key() -> RequestedKey {
    let key = KeyPair::generate().unwrap();
    RequestedKey::from_der(CertificateParams::default().serialize_request(&key).unwrap().der()).unwrap()
}

fn identity() -> Identity {
    Identity::new("cluster.local", "shop", "web").unwrap()
}

#[tokio::test]
async fn the_root_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, task) = open(&folder).await;
    let first = signing(&authority);
    drop((authority, task));
    assert_eq!(signing(&open(&folder).await.0), first);
}

#[tokio::test]
async fn a_start_that_changes_nothing_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, task) = open(&folder).await;
    let (_nodes, witness) = told(&[("a", Standing::Pending)]);
    let running = tokio::spawn(task.run(witness));
    authority.sign("a", &requested_key(), &identity(), LEAF).await.unwrap();
    authority.rotate().await.unwrap();
    let first = signing(&authority);
    drop(authority);
    running.await.unwrap();
    // Folders in the place of the files that are written beside the others: nobody, root included, can write those.
    for name in [".ca.json.new", ".root.pem.new"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let (authority, _task) = open(&folder).await;
    assert_eq!(signing(&authority), first);
    assert_eq!(phases(&authority), [Phase::Signing, Phase::Announced]);
}

#[tokio::test]
async fn a_new_root_signs_once_the_last_node_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, task) = open(&folder).await;
    let (nodes, witness) = told(&[("a", Standing::Acknowledged), ("b", Standing::Pending)]);
    let running = tokio::spawn(task.run(witness));
    let old = signing(&authority);
    authority.rotate().await.unwrap();
    assert_eq!(phases(&authority), [Phase::Signing, Phase::Announced]);
    assert!(matches!(authority.rotate().await, Err(RotateError::UnderWay(UnderWay::Announced))));
    let bundle = std::fs::read_to_string(folder.path().join("root.pem")).unwrap();
    assert_eq!(bundle.matches("BEGIN CERTIFICATE").count(), 2, "the file has it before it signs");

    // Nothing moves while one is pending: the first step after that is the one that signs.
    let mut state = authority.state();
    state.mark_unchanged();
    nodes.send_modify(|nodes| {
        nodes.insert("b".to_owned(), Standing::Acknowledged);
    });
    state.changed().await.unwrap();
    assert_eq!(phases(&authority), [Phase::Signing, Phase::Retiring]);
    assert_ne!(signing(&authority), old);
    drop((authority, state));
    running.await.unwrap();
}

#[tokio::test]
async fn a_new_root_signs_once_the_config_map_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, task) = open_with(&folder, Some(Duration::ZERO)).await;
    let (_nodes, witness) = told(&[("a", Standing::Acknowledged)]);
    let running = tokio::spawn(task.run(witness.clone()));
    authority.rotate().await.unwrap();
    let mut state = authority.state();
    let announced = state.borrow_and_update().roots.announced().unwrap().fingerprint().to_owned();
    let now = Timestamp::of(SystemTime::now());
    assert_eq!(waits(&state.borrow(), &witness, now), [Wait::Publication]);
    authority.published("another root".to_owned()).await;
    authority.published(announced.clone()).await;
    state.wait_for(|state| state.roots.announced().is_none()).await.unwrap();
    assert_eq!(signing(&authority), announced);
    drop((authority, state));
    running.await.unwrap();
}

#[tokio::test]
async fn a_controller_that_restarts_in_a_rotation_knows_whom_to_wait_for() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, task) = open(&folder).await;
    let (_nodes, witness) = told(&[("a", Standing::Pending)]);
    let running = tokio::spawn(task.run(witness));
    authority.sign("a", &requested_key(), &identity(), LEAF).await.unwrap();
    authority.rotate().await.unwrap();
    drop(authority);
    running.await.unwrap();

    // Nobody is connected to the new one yet.
    let (authority, task) = open(&folder).await;
    let (nodes, witness) = told(&[]);
    assert_eq!(phases(&authority), [Phase::Signing, Phase::Announced]);
    let state = authority.state();
    let known = witnesses::nodes(&state.borrow(), &witness, Timestamp::of(SystemTime::now()));
    assert_eq!(
        known.iter().map(|node| (&*node.name, node.standing)).collect::<Vec<_>>(),
        [("a", Standing::Away)]
    );
    let waits = state.borrow().roots.waits(Timestamp::of(SystemTime::now()), &known);
    assert!(waits.first().is_some_and(|wait| wait.to_string().contains("node a to come back")), "{waits:?}");

    let mut changes = authority.state();
    let running = tokio::spawn(task.run(witness));
    nodes.send_replace(BTreeMap::from([("a".to_owned(), Standing::Acknowledged)]));
    changes.changed().await.unwrap();
    assert_eq!(phases(&authority), [Phase::Signing, Phase::Retiring]);
    drop((authority, state, changes));
    running.await.unwrap();
}

#[tokio::test]
async fn certificates_are_clamped_and_few_of_them_cost_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, task) = open(&folder).await;
    let (_nodes, witness) = told(&[]);
    let running = tokio::spawn(task.run(witness));
    let mut state = authority.state();
    let (leaf, _) = authority.sign("a", &requested_key(), &identity(), Duration::MAX).await.unwrap();
    let now = Timestamp::of(SystemTime::now());
    assert!(leaf.not_after <= now.after(LEAF));
    assert!(state.borrow_and_update().nodes["a"] >= leaf.not_after);
    for _ in 0..10 {
        authority.sign("a", &requested_key(), &identity(), LEAF).await.unwrap();
    }
    assert!(!state.has_changed().unwrap());
    drop((authority, state));
    running.await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_saved_does_not_happen() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, task) = open(&folder).await;
    let (_nodes, witness) = told(&[]);
    let running = tokio::spawn(task.run(witness));
    // A folder in the place of the file that is written beside the state: nobody, root included, can write that file.
    std::fs::create_dir(folder.path().join(".ca.json.new")).unwrap();
    let refused = authority.sign("a", &requested_key(), &identity(), LEAF).await;
    assert!(matches!(refused, Err(SignError::State(_))), "{refused:?}");
    assert!(matches!(authority.rotate().await, Err(RotateError::State(_))));
    assert_eq!(phases(&authority), [Phase::Signing]);
    drop(authority);
    running.await.unwrap();
}

#[test]
fn a_lost_node_holds_up_nothing_unless_it_is_connected() {
    let at = Timestamp::from_seconds;
    let root = || Root::generate(at(100), LEAF).unwrap();
    let nodes = ["away", "lost", "lost-but-here"].map(|name| (name.to_owned(), at(2000)));
    let mut state = State { roots: Roots::new(root(), LEAF), nodes: nodes.into(), votes: BTreeMap::new() };
    state.roots.announce(root(), at(900)).unwrap();
    let (_told, witness) = told(&[("lost-but-here", Standing::Pending)]);
    let back = |node: &str, until| Wait::Return { node: node.to_owned(), until: at(until) };
    let acknowledgement = || Wait::Acknowledgement { node: "lost-but-here".to_owned() };
    assert_eq!(waits(&state, &witness, at(999)), [back("away", 2000), back("lost", 1000), acknowledgement()]);
    assert_eq!(waits(&state, &witness, at(1000)), [back("away", 2000), acknowledgement()]);
}
