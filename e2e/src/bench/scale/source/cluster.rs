//! A real API server that holds the simulated mesh.
//!
//! A hundred thousand Pods by its front door would take it a quarter of an hour, so they are put into its etcd as it would have
//! written them. Changes, tokens and all that the controller does go by the API.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use karez_lab::{Process, wait};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::http::Http;
use super::stored::{self, OWN_NAMESPACE, Stored};
use crate::bench::scale::objects;

const ETCD_PORT: u16 = 2379;
/// Where `kubectl proxy` passes requests on.
const API_PORT: u16 = 8001;
/// The API server's; it takes no address of the loopback network.
const ADDRESS: &str = "172.30.0.1";
const START_LIMIT: Duration = Duration::from_secs(120);
/// etcd takes 128 operations in one transaction.
const PUTS_AT_ONCE: usize = 100;
const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// etcd and an API server; nothing else of a cluster.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    runtime: Runtime,
    etcd: Http,
    api: Http,
    /// Namespaces that are there.
    namespaces: u32,
    _programs: [Process; 3],
}

impl Cluster {
    /// Starts one, for so many proxies.
    ///
    /// # Errors
    /// When a program is missing or does not start.
    pub fn start(folder: &Path, proxies: u32) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        run("ip", &["address", "replace", &format!("{ADDRESS}/32"), "dev", "lo"])?;
        let key = KeyPair::generate()?;
        fs::write(folder.join("service-accounts.key"), key.serialize_pem())?;
        fs::write(folder.join("service-accounts.pub"), key.public_key_pem())?;
        fs::write(folder.join("tokens.csv"), "admin-token,admin,admin,system:masters\n")?;
        fs::write(folder.join("kubeconfig"), kubeconfig(folder).to_string())?;
        let mut etcd = Process::start("etcd", folder, etcd_command(folder))?;
        let mut etcd_connection =
            etcd.wait_for("etcd", START_LIMIT, || Http::connect(&runtime, ETCD_PORT))?;
        put(&runtime, &mut etcd_connection, &stored::own(proxies))?;
        let mut api_server = Process::start("kube-apiserver", folder, api_server_command(folder))?;
        let is_ready = || kubectl(folder, &["get", "--raw=/readyz"]);
        api_server.wait_for("the API server", START_LIMIT, is_ready)?;
        kubectl(folder, &["apply", "-f", &crds().display().to_string()])?;
        let mut proxy = Command::new("kubectl");
        proxy.env("KUBECONFIG", folder.join("kubeconfig")).args(["proxy", "--port", &API_PORT.to_string()]);
        let mut proxy = Process::start("kubectl-proxy", folder, proxy)?;
        let api = proxy.wait_for("kubectl proxy", START_LIMIT, || Http::connect(&runtime, API_PORT))?;
        Ok(Self {
            folder: folder.to_owned(),
            runtime,
            etcd: etcd_connection,
            api,
            namespaces: 0,
            _programs: [etcd, api_server, proxy],
        })
    }

    /// Adds Pods until there are so many.
    ///
    /// # Errors
    /// When etcd does not take them.
    pub fn grow(&mut self, pods: u32) -> Result<()> {
        let namespaces = pods / objects::PODS_PER_NAMESPACE;
        for number in self.namespaces..namespaces {
            put(&self.runtime, &mut self.etcd, &stored::namespace(number))?;
        }
        self.namespaces = namespaces.max(self.namespaces);
        Ok(())
    }

    /// Makes another revision of a Pod.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn change(&mut self, pod: u32, revision: u32) -> Result<()> {
        let (namespace, name) = objects::reference(pod);
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let labels = json!({"metadata": {"labels": {"version": format!("v{revision}")}}});
        self.api.call(&self.runtime, &Method::PATCH, &path, MERGE_PATCH, &labels).map(drop)
    }

    /// The controller of it.
    ///
    /// # Errors
    /// When tokens of the proxies cannot be had.
    pub fn controller(&mut self, program: &Path, proxies: u32) -> Result<Command> {
        for proxy in 0..proxies {
            let file = self.token_file(proxy);
            if !file.exists() {
                fs::write(file, self.token(proxy)?)?;
            }
        }
        let mut command = Command::new(program);
        command.env("KUBECONFIG", self.folder.join("kubeconfig"));
        command.args(["--kubernetes", "--namespace", OWN_NAMESPACE, "--pod", "karez-controller-0"]);
        Ok(command)
    }

    /// As kubelet asks for it on behalf of the proxy's Pod.
    fn token(&mut self, proxy: u32) -> Result<String> {
        let path = format!("/api/v1/namespaces/{OWN_NAMESPACE}/serviceaccounts/karez-node/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {
                "audiences": ["karez"], "expirationSeconds": 7200,
                "boundObjectRef": {
                    "apiVersion": "v1", "kind": "Pod", "name": stored::proxy_pod(proxy), "uid": stored::proxy_uid(proxy),
                },
            },
        });
        let answer = self.api.call(&self.runtime, &Method::POST, &path, JSON, &request)?;
        let token = answer.pointer("/status/token").and_then(Value::as_str);
        token.map(str::to_owned).with_context(|| format!("no token in {answer}"))
    }

    /// The token of a proxy.
    #[must_use]
    pub fn token_file(&self, proxy: u32) -> PathBuf {
        self.folder.join(format!("{proxy}.token"))
    }

    /// Writes what the controller's certificate is verified against: once it runs, ConfigMap `karez-roots` has it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn root(&mut self) -> Result<PathBuf> {
        let path = format!("/api/v1/namespaces/{OWN_NAMESPACE}/configmaps/karez-roots");
        let file = self.folder.join("root.pem");
        let roots = wait::until("ConfigMap karez-roots", START_LIMIT, || {
            let roots = self.api.call(&self.runtime, &Method::GET, &path, JSON, &Value::Null)?;
            let pem = roots.pointer("/data/root.pem").and_then(Value::as_str);
            pem.map(str::to_owned).context("it holds no root.pem")
        })?;
        fs::write(&file, roots)?;
        Ok(file)
    }

    /// Where logs go.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn put(runtime: &Runtime, etcd: &mut Http, objects: &[Stored]) -> Result<()> {
    let operation = |(key, object): &Stored| {
        let value = STANDARD.encode(object.to_string());
        json!({"requestPut": {"key": STANDARD.encode(key), "value": value}})
    };
    for objects in objects.chunks(PUTS_AT_ONCE) {
        let operations: Vec<Value> = objects.iter().map(operation).collect();
        etcd.call(runtime, &Method::POST, "/v3/kv/txn", JSON, &json!({"success": operations}))?;
    }
    Ok(())
}

fn etcd_command(folder: &Path) -> Command {
    let url = format!("http://127.0.0.1:{ETCD_PORT}");
    let mut command = Command::new("etcd");
    command.arg("--data-dir").arg(folder.join("etcd"));
    command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
    command.args(["--unsafe-no-fsync", "--log-level", "warn", "--quota-backend-bytes", "8589934592"]);
    command
}

fn api_server_command(folder: &Path) -> Command {
    let mut command = Command::new("kube-apiserver");
    command.arg(format!("--etcd-servers=http://127.0.0.1:{ETCD_PORT}"));
    command.arg("--cert-dir").arg(folder.join("api-server"));
    command.arg("--token-auth-file").arg(folder.join("tokens.csv"));
    command.arg("--service-account-signing-key-file").arg(folder.join("service-accounts.key"));
    command.arg("--service-account-key-file").arg(folder.join("service-accounts.pub"));
    command.arg("--service-account-issuer=https://kubernetes.default.svc.cluster.local");
    command.args(["--advertise-address", ADDRESS, "--secure-port=6443", "--authorization-mode=RBAC"]);
    command.args(["--service-cluster-ip-range=172.16.0.0/12", "--endpoint-reconciler-type=none"]);
    command
}

/// JSON is YAML.
fn kubeconfig(folder: &Path) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {
            "server": format!("https://{ADDRESS}:6443"), "certificate-authority": folder.join("api-server/apiserver.crt"),
        }}],
        "users": [{"name": "bench", "user": {"token": "admin-token"}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    })
}

/// The definitions of Karez's kinds.
fn crds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/karez/files/crds")
}

fn kubectl(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output =
        Command::new("kubectl").env("KUBECONFIG", folder.join("kubeconfig")).args(arguments).output()?;
    ensure!(output.status.success(), "kubectl: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
