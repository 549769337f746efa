use std::convert::Infallible;
use std::sync::Mutex;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::*;
use crate::ca::{Authority, AuthoritySettings, Roots, Store, Timestamp, bundle};
use crate::leadership::Leadership;

/// The Secret as an API server keeps it, for as many replicas as ask, and the ConfigMap with the roots.
#[derive(Clone, Default)]
struct ApiServer {
    secret: Arc<Mutex<Option<Value>>>,
    roots: Arc<Mutex<Option<Value>>>,
}

impl ApiServer {
    fn store(&self) -> SecretStore {
        let server = self.clone();
        let answer = move |request: Request<Body>| {
            let server = server.clone();
            async move {
                let (method, path) = (request.method().clone(), request.uri().path().to_owned());
                let body = request.into_body().collect_bytes().await.unwrap();
                let (status, body) = match path.ends_with("/configmaps/karez-roots") {
                    true => kept_or_missing(server.roots.lock().unwrap().as_ref()),
                    false => server.answer(&method, serde_json::from_slice(&body).ok()),
                };
                let body = Body::from(serde_json::to_vec(&body).unwrap());
                Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
            }
        };
        SecretStore::new(Client::new(service_fn(answer), "karez-system"), "karez-system")
    }

    fn answer(&self, method: &Method, sent: Option<Value>) -> (StatusCode, Value) {
        let mut kept = self.secret.lock().unwrap();
        match (method, &mut *kept, sent) {
            (&Method::GET, secret, _) => kept_or_missing(secret.as_ref()),
            (&Method::POST, None, Some(mut secret)) => {
                secret["metadata"]["uid"] = json!("u1");
                secret["metadata"]["resourceVersion"] = json!("1");
                *kept = Some(secret.clone());
                (StatusCode::CREATED, secret)
            }
            (&Method::PUT, Some(secret), Some(change)) => {
                let version = secret["metadata"]["resourceVersion"].clone();
                if change["metadata"]["resourceVersion"] != version {
                    return refused(StatusCode::CONFLICT);
                }
                let next = version.as_str().unwrap().parse::<u64>().unwrap() + 1;
                *secret = change;
                secret["metadata"]["resourceVersion"] = json!(next.to_string());
                (StatusCode::OK, secret.clone())
            }
            _ => refused(StatusCode::CONFLICT),
        }
    }

    fn publish(&self, data: &Value) {
        *self.roots.lock().unwrap() = Some(json!({"metadata": {"name": "karez-roots"}, "data": data}));
    }

    fn version(&self) -> String {
        let kept = self.secret.lock().unwrap();
        kept.as_ref().unwrap()["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    }
}

fn kept_or_missing(object: Option<&Value>) -> (StatusCode, Value) {
    object.map_or_else(|| refused(StatusCode::NOT_FOUND), |object| (StatusCode::OK, object.clone()))
}

fn refused(code: StatusCode) -> (StatusCode, Value) {
    let reason = code.canonical_reason().unwrap().replace(' ', "");
    (code, json!({"status": "Failure", "code": code.as_u16(), "message": "no", "reason": reason}))
}

/// A root as cert-manager makes it.
struct Provided {
    certificate: String,
    key: String,
}

fn provided() -> Provided {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    Provided { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

impl Provided {
    /// The Secret that holds it, with a chain.
    fn secret(&self) -> Value {
        let bytes = |text: &str| serde_json::to_value(ByteString(text.as_bytes().to_vec())).unwrap();
        let chain = self.certificate.repeat(2);
        let data = json!({CERTIFICATE: bytes(&chain), PRIVATE_KEY: bytes(&self.key), "ca.crt": bytes("")});
        json!({"metadata": {"name": "karez-ca", "uid": "u1", "resourceVersion": "1"}, "data": data})
    }
}

fn root() -> Root {
    Root::generate(Timestamp::from_seconds(1000), Duration::from_secs(10_000)).unwrap()
}

fn state() -> Arc<State> {
    Arc::new(State {
        roots: Roots::new(root(), Duration::from_secs(100)),
        nodes: [].into(),
        votes: Default::default(),
    })
}

fn fingerprint(state: &State) -> String {
    state.roots.signing().certificate().fingerprint().to_owned()
}

#[tokio::test]
async fn the_replica_that_comes_first_makes_the_root_of_all() {
    let server = ApiServer::default();
    let (mut one, mut other) = (server.store(), server.store());
    assert!(one.load().await.unwrap().state.is_none());
    assert!(other.load().await.unwrap().state.is_none());
    let first = state();
    assert!(matches!(one.save(&first).await.unwrap(), Saved::Written));
    let Saved::Overtaken(stored) = other.save(&state()).await.unwrap() else { panic!("two roots") };
    assert_eq!(fingerprint(&stored.state.unwrap()), fingerprint(&first));
}

#[tokio::test]
async fn a_mesh_that_has_lost_its_root_is_told_from_a_new_one() {
    let server = ApiServer::default();
    let mut store = server.store();
    store.check_new(None).await.unwrap();
    server.publish(&json!({"others": "of somebody"}));
    store.check_new(None).await.unwrap();
    server.publish(&json!({"root.pem": "-----BEGIN"}));
    let error = store.check_new(None).await.unwrap_err();
    assert!(matches!(error, StateError::Lost), "{error}");
    // A Secret without a state does not have the root either.
    let secret = json!({"metadata": {"name": "karez-ca", "uid": "u1", "resourceVersion": "1"}});
    *server.secret.lock().unwrap() = Some(secret);
    let error = store.check_new(None).await.unwrap_err();
    assert!(matches!(error, StateError::Lost), "{error}");
    // Another replica has begun meanwhile: what it saved is the state.
    store.load().await.unwrap();
    store.save(&state()).await.unwrap();
    store.check_new(None).await.unwrap();
}

#[tokio::test]
async fn a_provided_root_begins_a_mesh_only_where_no_other_root_is_published() {
    let (provided, other) = (provided(), state());
    let root = Root::provided(&provided.certificate, &provided.key).unwrap();
    let roots = Roots::new(root, Duration::from_secs(100));
    let both = format!("{}{}", bundle(&other.roots), bundle(&roots));
    let table = [
        (None, true),
        (Some(bundle(&roots)), true),
        (Some(both), true),
        (Some(bundle(&other.roots)), false),
        (Some("-----BEGIN".to_owned()), false),
    ];
    for (published, begins) in table {
        let server = ApiServer::default();
        *server.secret.lock().unwrap() = Some(provided.secret());
        if let Some(published) = &published {
            server.publish(&json!({"root.pem": published}));
        }
        let hour = Duration::from_secs(3600);
        let settings = AuthoritySettings { leaf_lifetime: hour, root_lifetime: hour, distribution: None };
        let store = Store::Secret(Box::new(server.store()));
        let opened =
            Authority::open(store, settings, Leadership::alone(), Timestamp::from_seconds(1000)).await;
        match opened {
            Ok((authority, _)) => {
                assert!(begins, "{published:?}");
                let signing = fingerprint(&authority.state().borrow());
                assert_eq!(signing, roots.signing().certificate().fingerprint());
            }
            Err(error) => assert!(!begins && matches!(error, StateError::Lost), "{published:?}: {error}"),
        }
        let saved = server.store().load().await.unwrap().state;
        assert_eq!(saved.is_some(), begins, "{published:?}");
    }
}

#[tokio::test]
async fn no_replica_undoes_what_another_has_written() {
    let server = ApiServer::default();
    let (mut one, mut other) = (server.store(), server.store());
    let begun = state();
    one.load().await.unwrap();
    one.save(&begun).await.unwrap();
    other.load().await.unwrap();
    let noted = |node: &str| {
        let mut state = State::clone(&begun);
        state.nodes.insert(node.to_owned(), Timestamp::from_seconds(2000));
        Arc::new(state)
    };
    assert!(matches!(one.save(&noted("a")).await.unwrap(), Saved::Written));
    let Saved::Overtaken(stored) = other.save(&noted("b")).await.unwrap() else { panic!("a is lost") };
    assert!(stored.state.unwrap().nodes.contains_key("a"));
    assert!(matches!(other.save(&noted("b")).await.unwrap(), Saved::Written));
    // The same again costs nothing.
    let version = server.version();
    assert!(matches!(other.save(&noted("b")).await.unwrap(), Saved::Written));
    assert_eq!(server.version(), version);
}

#[tokio::test]
async fn a_root_that_somebody_else_makes_stands_beside_the_state() {
    let server = ApiServer::default();
    *server.secret.lock().unwrap() = Some(provided().secret());
    let mut store = server.store();
    let stored = store.load().await.unwrap();
    assert!(stored.state.is_none());
    assert_eq!(stored.provided.unwrap().certificate().pem().matches("BEGIN").count(), 1);
    store.save(&state()).await.unwrap();
    let stored = store.load().await.unwrap();
    assert!(stored.state.is_some() && stored.provided.is_some());
}
