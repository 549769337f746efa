//! Who may connect: AuthorizationPolicy and strict mTLS, as the applications and the operator see them.

use std::cell::RefCell;
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::access_log::{self, Line};
use karez_e2e::shop::Shop;
use karez_e2e::sockets::{self, PATIENCE};
use karez_e2e::{dump, metrics, peers};
use karez_lab::{Namespace, Pod, Process, wait};
use serde_json::{Value, json};

/// Those who dial `shop/api`: two Pods of its namespace, one of another, and a host that is not in the mesh.
const CLIENTS: [&str; 4] = ["web", "intruder", "teller", "outside"];

/// A shop with more clients, and the same server on two ports.
struct World {
    shop: Shop,
    intruder: Pod,
    teller: Pod,
    installed: RefCell<Option<String>>,
    _servers: [Process; 2],
}

impl World {
    fn open(name: &str) -> Result<Self> {
        let mut shop = Shop::open(name, &[(8080, 8080)])?;
        shop.mesh.manifests.namespace("bank", &[])?;
        let intruder = shop.mesh.enrolled_pod("n1", "shop/intruder", "intruder")?;
        let teller = shop.mesh.enrolled_pod("n1", "bank/teller", "teller")?;
        let servers = [
            peers::peer(&shop.mesh, &shop.api, &["--echo", "8080"])?,
            peers::peer(&shop.mesh, &shop.api, &["--echo", "9090"])?,
        ];
        let world = Self { shop, intruder, teller, installed: RefCell::default(), _servers: servers };
        dump::wait_for_pod(&world.shop.mesh, "n2", &world.intruder)?;
        dump::wait_for_pod(&world.shop.mesh, "n2", &world.teller)?;
        Ok(world)
    }

    /// Makes this the only policy, and waits until the server's node has it.
    fn install(&self, name: &str, spec: &Value) -> Result<()> {
        let before = self.installed.borrow_mut().replace(name.to_owned());
        if let Some(before) = before.filter(|before| before != name) {
            self.shop.mesh.manifests.remove_policy("shop", &before)?;
        }
        self.shop.mesh.manifests.policy("shop", name, spec)?;
        dump::wait_for_policies(&self.shop.mesh, "n2", &[&format!("shop/{name}")])
    }

    fn namespace(&self, client: &str) -> &Namespace {
        match client {
            "web" => self.shop.web.namespace(),
            "intruder" => self.intruder.namespace(),
            "teller" => self.teller.namespace(),
            _ => self.shop.outside.namespace(),
        }
    }

    fn open_one(&self, client: &str, port: u16) -> Result<TcpStream> {
        let stream = sockets::dial(self.namespace(client), format!("{}:{port}", self.shop.api.v4))?;
        sockets::echoes(&stream, "as long as I may").with_context(|| client.to_owned())?;
        Ok(stream)
    }

    fn admits(&self, client: &str, port: u16) -> Result<bool> {
        sockets::is_admitted(self.namespace(client), format!("{}:{port}", self.shop.api.v4))
    }

    /// Who reaches the server; everybody else is reset.
    fn admitted(&self, port: u16) -> Result<Vec<&'static str>> {
        let mut admitted = Vec::new();
        for client in CLIENTS {
            if self.admits(client, port).with_context(|| client.to_owned())? {
                admitted.push(client);
            }
        }
        Ok(admitted)
    }

    fn ensure_admitted(&self, what: &str, port: u16, wanted: &[&str]) -> Result<()> {
        let admitted = self.admitted(port).with_context(|| what.to_owned())?;
        ensure!(admitted == wanted, "{what}: port {port} admits {admitted:?}, not {wanted:?}");
        Ok(())
    }

    /// A line of the server's node about a refusal.
    fn refusal(&self, what: &str, wanted: impl Fn(&Line) -> bool) -> Result<Line> {
        let line = access_log::wait_for(&self.shop.mesh, "n2", what, wanted)?;
        ensure!(line.text("response_flags") == "DENY" && line.text("direction") == "inbound", "{line}");
        Ok(line)
    }
}

/// `action` for whom `source` describes.
fn from(action: &str, source: &Value) -> Value {
    json!({"action": action, "rules": [{"from": [{"source": source}]}]})
}

#[test]
fn each_field_admits_and_refuses_whom_it_says() -> Result<()> {
    let world = World::open("policy-fields")?;
    let Shop { web, outside, .. } = &world.shop;
    let web_id = "cluster.local/ns/shop/sa/web";
    let when = |action: &str, condition: Value| json!({"action": action, "rules": [{"when": [condition]}]});
    let cases: [(Value, &[&str]); 17] = [
        (from("Allow", &json!({"principals": [web_id]})), &["web"]),
        (
            from("Deny", &json!({"principals": [format!("spiffe://{web_id}")]})),
            &["intruder", "teller", "outside"],
        ),
        (from("Allow", &json!({"principals": ["cluster.local/ns/shop/*"]})), &["web", "intruder"]),
        (from("Allow", &json!({"principals": ["*"]})), &["web", "intruder", "teller"]),
        (from("Allow", &json!({"namespaces": ["bank"]})), &["teller"]),
        (from("Allow", &json!({"notNamespaces": ["bank"]})), &["web", "intruder", "outside"]),
        (from("Allow", &json!({"serviceAccounts": ["web", "bank/teller"]})), &["web", "teller"]),
        (
            from("Deny", &json!({"serviceAccounts": ["shop/teller", "shop/web"]})),
            &["intruder", "teller", "outside"],
        ),
        (
            from("Allow", &json!({"ipBlocks": [web.v4.to_string(), outside.v4().to_string()]})),
            &["web", "outside"],
        ),
        (from("Deny", &json!({"notIpBlocks": [format!("{}/24", web.v4)]})), &["web", "intruder", "teller"]),
        (from("Allow", &json!({"namespaces": ["shop"], "notPrincipals": [web_id]})), &["intruder"]),
        (from("Allow", &json!({"notServiceAccounts": ["shop/web"]})), &["intruder", "teller", "outside"]),
        (when("Allow", json!({"key": "source.namespace", "values": ["shop"]})), &["web", "intruder"]),
        (when("Deny", json!({"key": "source.principal", "notValues": [web_id]})), &["web"]),
        (
            when("Deny", json!({"key": "source.ip", "values": [web.v4.to_string()]})),
            &["intruder", "teller", "outside"],
        ),
        (when("Deny", json!({"key": "destination.port", "values": ["9090"]})), &CLIENTS),
        (json!({"action": "Allow", "rules": []}), &[]),
    ];
    world.ensure_admitted("without a policy", 8080, &CLIENTS)?;
    for (number, (spec, admitted)) in cases.iter().enumerate() {
        world.install(&format!("case-{number}"), spec)?;
        world.ensure_admitted(&spec.to_string(), 8080, admitted)?;
    }
    let to = |action: &str, field: &str| json!({"action": action, "rules": [{"to": [{"operation": {field: ["8080"]}}]}]});
    for (name, spec, on_8080, on_9090) in [
        ("allow-port", to("Allow", "ports"), &CLIENTS[..], &[][..]),
        ("deny-port", to("Deny", "ports"), &[], &CLIENTS),
        ("allow-but-port", to("Allow", "notPorts"), &[], &CLIENTS),
        ("deny-but-port", to("Deny", "notPorts"), &CLIENTS, &[]),
    ] {
        world.install(name, &spec)?;
        world.ensure_admitted(name, 8080, on_8080)?;
        world.ensure_admitted(name, 9090, on_9090)?;
    }
    Ok(())
}

#[test]
fn a_refusal_is_seen_by_the_client_the_operator_and_the_metrics() -> Result<()> {
    let world = World::open("policy-refusal")?;
    let denied = || metrics::flagged(&world.shop.mesh, "n2", "karez_tcp_connections_failed_total", "DENY");
    world.install("no-intruders", &from("Deny", &json!({"serviceAccounts": ["shop/intruder"]})))?;
    let wait_counted = |wanted| {
        wait::until("the refusal to be counted", PATIENCE, || {
            let counted = denied()?;
            ensure!(counted == wanted, "{counted} refusals, not {wanted}");
            Ok(())
        })
    };
    let before = denied()?;
    ensure!(!world.admits("intruder", 8080)?, "the intruder is admitted");

    let line = world.refusal("the refusal", |line| line.text("src.identity") == world.intruder.identity())?;
    ensure!(line.text("error") == "denied by AuthorizationPolicy shop/no-intruders", "{line}");
    ensure!(line.text("dst.addr") == format!("{}:8080", world.shop.api.v4), "{line}");
    ensure!(line.text("src.workload") == "intruder" && line.text("dst.workload") == "api", "{line}");
    let line = access_log::wait_for(&world.shop.mesh, "n1", "its own side of it", |line| {
        line.text("direction") == "outbound" && line.text("src.workload") == "intruder"
    })?;
    ensure!(line.text("error").contains("answered 401"), "{line}");
    wait_counted(before + 1)?;

    world.install("only-web", &from("Allow", &json!({"serviceAccounts": ["shop/web"]})))?;
    ensure!(!world.admits("teller", 8080)?, "the teller is admitted");
    let line = world.refusal("the refusal", |line| line.text("src.identity") == world.teller.identity())?;
    ensure!(line.text("error").contains("no Allow policy of the destination matches"), "{line}");
    wait_counted(before + 2)?;
    Ok(())
}

#[test]
fn a_policy_in_audit_mode_says_what_it_would_do_and_does_nothing() -> Result<()> {
    let world = World::open("policy-audit")?;
    for (name, action, finding) in [("probation", "Deny", "WouldDeny"), ("vision", "Allow", "WouldNotAllow")]
    {
        let source = if action == "Deny" { "web" } else { "intruder" };
        let mut spec = from(action, &json!({"serviceAccounts": [source]}));
        spec["mode"] = json!("Audit");
        world.install(name, &spec)?;
        world.ensure_admitted(name, 8080, &CLIENTS)?;
        wait::until("what it would have done", PATIENCE, || {
            let log = world.shop.mesh.node_log("n2");
            let words = ["audit", &format!("shop/{name}"), finding, &world.shop.web.identity()];
            let said = log.lines().any(|line| words.iter().all(|word| line.contains(word)));
            ensure!(said, "it says nothing of {words:?}");
            Ok(())
        })?;
        spec["mode"] = json!("Enforce");
        world.install(&format!("{name}-enforced"), &spec)?;
        let admitted = world.admitted(8080)?;
        ensure!(!admitted.contains(&"web"), "the check cannot fail: {name} admits {admitted:?}");
    }
    Ok(())
}

#[test]
fn strict_mode_refuses_plaintext_and_a_change_to_it_cuts_what_is_open() -> Result<()> {
    let world = World::open("policy-strict")?;
    let mesh = &world.shop.mesh;
    world.ensure_admitted("permissive", 8080, &CLIENTS)?;
    let (plain, meshed) = (world.open_one("outside", 8080)?, world.open_one("web", 8080)?);

    mesh.manifests.namespace("shop", &[("karez.dev/mtls", "strict")])?;
    sockets::ensure_reset(&plain)?;
    let source = plain.local_addr()?.to_string();
    let line = world.refusal("the cut", |line| line.text("src.addr") == source)?;
    ensure!(line.text("error") == "plaintext refused: namespace shop is in strict mTLS mode", "{line}");
    ensure!(line.text("bytes_recv") != "0", "{line}");
    sockets::echoes(&meshed, "by tunnel still")?;
    world.ensure_admitted("strict", 8080, &["web", "intruder", "teller"])?;

    mesh.manifests.namespace("shop", &[("karez.dev/mtls", "permissive")])?;
    dump::wait_for_policies(mesh, "n2", &[])?;
    world.ensure_admitted("permissive again", 8080, &CLIENTS)?;
    sockets::echoes(&meshed, "by tunnel all along")
}

#[test]
fn a_permissive_port_admits_plaintext_to_a_strict_pod_and_the_mesh_still_comes_by_tunnel() -> Result<()> {
    let world = World::open("policy-permissive-ports")?;
    let Shop { mesh, api, web, .. } = &world.shop;
    let served = "listen 8443; location / { return 200 \"served\\n\"; }";
    let (_nginx, _root) = peers::nginx_with(mesh, api, 8081, served)?;
    let is_answered = |client: &str, port: u16| -> Result<bool> {
        let url = format!("http://{}:{port}/", api.v4);
        let output = world.namespace(client).output("curl", &["-sS", "-m", "5", &url])?;
        Ok(output.status.success() && output.stdout == b"served\n")
    };
    ensure!(is_answered("outside", 8081)?, "the check cannot fail: plaintext is refused in permissive mode");

    let strict = [("karez.dev/mtls", "strict"), ("karez.dev/permissive-ports", "8443")];
    mesh.manifests.namespace("shop", &strict)?;
    dump::wait_for_policies(mesh, "n2", &["shop/karez-strict-mtls"])?;
    ensure!(!is_answered("outside", 8081)?, "plaintext is answered on another port");
    ensure!(is_answered("outside", 8443)?, "plaintext is refused on the permissive port");
    ensure!(is_answered("web", 8443)?, "the mesh is refused");
    let to = format!("{}:8443", api.v4);
    access_log::wait_for(mesh, "n2", "the tunnel", |line| {
        line.text("dst.addr") == to && line.text("src.identity") == web.identity()
    })?;

    mesh.manifests.pod_annotated(api, &[("karez.dev/permissive-ports", "9090")])?;
    wait::until("the Pod's own ports to be in force", PATIENCE, || {
        ensure!(world.admits("outside", 9090)?, "its own is refused");
        Ok(())
    })?;
    ensure!(!is_answered("outside", 8443)?, "its namespace's is admitted beside its own");
    let plain = world.open_one("outside", 9090)?;
    mesh.manifests.pod(api)?;
    sockets::ensure_reset(&plain)?;

    ensure!(is_answered("outside", 8443)?, "its namespace's is refused");
    mesh.manifests.policy("shop", "only-web", &from("Allow", &json!({"serviceAccounts": ["shop/web"]})))?;
    dump::wait_for_policies(mesh, "n2", &["shop/karez-strict-mtls", "shop/only-web"])?;
    ensure!(!is_answered("outside", 8443)?, "a permissive port went past a policy that names callers");
    ensure!(is_answered("web", 8443)?, "the caller that the policy names is refused");
    Ok(())
}

#[test]
fn a_change_cuts_open_connections_that_are_no_longer_allowed_and_spares_the_others() -> Result<()> {
    let world = World::open("policy-live")?;
    let cut = world.open_one("intruder", 8080)?;
    let beside = world.open_one("intruder", 9090)?;
    let open = |client| world.open_one(client, 8080);
    let others = [open("web")?, open("teller")?, open("outside")?];

    let source = json!([{"source": {"serviceAccounts": ["shop/intruder"]}}]);
    let to = json!([{"operation": {"ports": ["8080"]}}]);
    world.install("cut", &json!({"action": "Deny", "rules": [{"from": source, "to": to}]}))?;
    sockets::ensure_reset(&cut)?;
    let line = world.refusal("the cut", |line| line.text("src.identity") == world.intruder.identity())?;
    ensure!(line.text("error") == "denied by AuthorizationPolicy shop/cut", "{line}");
    sockets::echoes(&beside, "to another port")?;
    others.iter().try_for_each(|stream| sockets::echoes(stream, "as long as I like"))?;

    world.install("only-web", &from("Allow", &json!({"serviceAccounts": ["shop/web"]})))?;
    let [web, teller, outside] = &others;
    [&beside, teller, outside].into_iter().try_for_each(sockets::ensure_reset)?;
    sockets::echoes(web, "alone")
}

#[test]
fn a_policy_that_narrows_and_widens_is_in_force_at_every_moment() -> Result<()> {
    let world = World::open("policy-scope")?;
    let wide = from("Allow", &json!({"serviceAccounts": ["shop/web"]}));
    let mut narrow = wide.clone();
    let selector = json!({"matchLabels": {"app": "api"}});
    narrow.as_object_mut().context("a spec is an object")?.insert("selector".to_owned(), selector);
    world.install("only-web", &wide)?;
    world.ensure_admitted("before any change", 8080, &["web"])?;
    let to = format!("{}:8080", world.shop.api.v4);
    let load =
        |pod| peers::load(&world.shop.mesh, pod, &["churn", &to, "--connections", "4", "--seconds", "10"]);
    let (mut web, mut intruder) = (load(&world.shop.web)?, load(&world.intruder)?);
    for _ in 0..3 {
        for (spec, scope) in [(&narrow, "Selected"), (&wide, "Namespace")] {
            world.shop.mesh.manifests.policy("shop", "only-web", spec)?;
            dump::wait_for_scopes(&world.shop.mesh, "n2", &[scope])?;
        }
    }
    [&mut web, &mut intruder].into_iter().try_for_each(peers::Load::ensure_running)?;
    let (web, intruder) = (web.finish(PATIENCE * 2)?, intruder.finish(PATIENCE * 2)?);
    ensure!(web.errors == 0 && web.units > 100, "who is allowed: {web:?}");
    ensure!(intruder.units == 0 && intruder.errors > 100, "who is not: {intruder:?}");
    Ok(())
}

/// Keeps the intruder out.
const GOOD: &str = r"apiVersion: karez.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: no-intruders, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  action: Deny
  rules:
    - from:
        - source: {serviceAccounts: [shop/intruder]}
";
const FILE: &str = "no-intruders.yaml";

#[test]
fn a_broken_edit_keeps_the_last_good_version_and_is_named() -> Result<()> {
    let mut world = World::open("policy-broken")?;
    let kept = ["web", "teller", "outside"];
    world.shop.mesh.manifests.write(FILE, GOOD)?;
    dump::wait_for_policies(&world.shop.mesh, "n2", &["shop/no-intruders"])?;
    world.ensure_admitted("the good version", 8080, &kept)?;
    all_is_well(&world)?;
    let edits = [
        ("serviceAccounts:", "serviceAcounts:", "spec.rules[0].from[0].source.serviceAcounts"),
        ("action: Deny", "acton: Allow", "spec.acton"),
        ("action: Deny", "action: Alow", "spec.action"),
        ("[shop/intruder]", "[]", "spec.rules[0].from[0].source.serviceAccounts"),
        ("action: Deny", "mode: {", ""),
        ("kind: AuthorizationPolicy", "kind: AuthorisationPolicy", "kind"),
        ("karez.dev/v1alpha1", "karez.dev/v1alpha7", "apiVersion"),
    ];
    for (right, wrong, field) in edits {
        world.shop.mesh.manifests.write(FILE, &GOOD.replace(right, wrong))?;
        let problem = problem_in(&world, FILE, field)?;
        ensure!(problem["effect"] == "last good version", "{wrong}: {problem}");
        ensure!(problem["namespace"] == "shop" && problem["name"] == "no-intruders", "{wrong}: {problem}");
        world.ensure_admitted(wrong, 8080, &kept)?;
    }
    world.shop.mesh.controller().take().context("no controller")?.kill()?;
    world.shop.mesh.start_controller()?;
    problem_in(&world, FILE, "apiVersion")?;
    world.ensure_admitted("after a restart of the controller", 8080, &kept)?;
    world.shop.mesh.manifests.write(FILE, &GOOD.replace("intruder", "web"))?;
    wait::until("the mended version to be in force", PATIENCE, || {
        world.ensure_admitted("mended", 8080, &["intruder", "teller", "outside"])
    })?;
    all_is_well(&world)
}

#[test]
fn a_policy_that_was_never_good_refuses_all_that_it_targets() -> Result<()> {
    let world = World::open("policy-never-good")?;
    let mesh = &world.shop.mesh;
    let _server = peers::peer(mesh, &world.shop.web, &["--echo", "7070"])?;
    let beside = || sockets::is_admitted(world.namespace("teller"), format!("{}:7070", world.shop.web.v4));
    ensure!(beside()?, "the check cannot fail: another Pod of the namespace is not reached");

    mesh.manifests.write(FILE, &GOOD.replace("action: Deny", "acton: Allow"))?;
    let problem = problem_in(&world, FILE, "spec.acton")?;
    ensure!(problem["effect"] == "refused", "{problem}");
    dump::wait_for_policies(mesh, "n2", &["shop/no-intruders"])?;
    world.ensure_admitted("its target", 8080, &[])?;
    let line = world.refusal("why", |line| line.text("src.identity") == world.shop.web.identity())?;
    ensure!(line.text("error").contains("AuthorizationPolicy shop/no-intruders could not be read"), "{line}");
    ensure!(beside()?, "it refuses what it does not target");

    let unknown_target = GOOD.replace("matchLabels", "matchLables");
    mesh.manifests.write(FILE, &unknown_target)?;
    problem_in(&world, FILE, "spec.selector.matchLables")?;
    wait::until("the whole namespace to be refused", PATIENCE, || {
        ensure!(!beside()?, "another Pod of the namespace is reached");
        Ok(())
    })?;
    world.ensure_admitted("its target", 8080, &[])?;

    mesh.manifests.write(FILE, GOOD)?;
    wait::until("the mended version to be in force", PATIENCE, || {
        ensure!(beside()?, "another Pod of the namespace is not reached");
        world.ensure_admitted("mended", 8080, &["web", "teller", "outside"])
    })
}

/// `karez status` finds nothing wrong.
fn all_is_well(world: &World) -> Result<()> {
    wait::until("all to be well", PATIENCE, || world.shop.mesh.karez(&["status"]).map(drop))
}

/// Waits until `karez status` names a field of an object in a file, in words too and by its exit status.
fn problem_in(world: &World, file: &str, field: &str) -> Result<Value> {
    wait::until(&format!("a problem with {field:?} in {file}"), PATIENCE, || {
        let (exit, stdout, _) = world.shop.mesh.karez_status(&["status", "--output", "json"])?;
        ensure!(exit == Some(1), "exit status {exit:?}");
        let status: Value = serde_json::from_str(&stdout)?;
        let problems = status.get("problems").and_then(Value::as_array).context("no problems")?;
        let found =
            problems.iter().find(|it| it["file"] == file && it["field"].as_str().unwrap_or("") == field);
        let found = found.with_context(|| format!("{problems:?}"))?;
        let told =
            format!("{file}: {} shop/no-intruders: {field}", found["kind"].as_str().unwrap_or_default());
        let (_, text, _) = world.shop.mesh.karez_status(&["status"])?;
        ensure!(text.contains(&told), "no {told:?} in:\n{text}");
        Ok(found.clone())
    })
}
