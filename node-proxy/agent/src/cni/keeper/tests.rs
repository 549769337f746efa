use std::fs;
use std::path::Path;

use karez_link::discovery::{EnrolledNamespaces, Status, Synced};
use tokio::sync::watch;

use super::*;
use crate::kernel::fake::Fake;
use crate::pod_task::tests::world::world;

fn installation(folder: &Path) -> Installation {
    for name in ["bin", "net.d"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::write(folder.join("karez-cni"), "the program").unwrap();
    Installation {
        program: folder.join("karez-cni"),
        bin_dir: folder.join("bin"),
        conf_dir: folder.join("net.d"),
        socket: "/run/karez/agent.sock".into(),
        exempt: ["kube-system".to_owned()].into(),
    }
}

fn configure(folder: &Path) {
    let text = r#"{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge"}]}"#;
    fs::write(folder.join("net.d/10-net.conflist"), text).unwrap();
}

async fn until(is: impl Fn() -> bool) {
    while !is() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn only(namespace: &str) -> EnrolledNamespaces {
    [namespace.to_owned()].into()
}

#[tokio::test(start_paused = true)]
async fn the_plugin_is_installed_told_and_put_back() {
    let (folder, agent, _node) = world();
    let installation = installation(folder.path());
    let (_pods, pods) = watch::channel(Arc::default());
    let (enrolled, namespaces) = watch::channel(Arc::default());
    let (synced, synced_view) = watch::channel(Synced::Waiting);
    let (_status, status) = watch::channel(Status::default());
    let view = LocalPodsView { pods, namespaces, synced: synced_view, status };
    installation.tell(&AgentFile { enrolled: only("former") }).unwrap();
    let uninstall = Uninstall::new(None);
    let (context, installed) = (Arc::clone(&agent.context), Gauge::default());
    let keeper = PluginKeeper::<Fake>::new(
        Arc::clone(&context),
        installation.clone(),
        view.clone(),
        uninstall.clone(),
        installed.clone(),
    );
    let keeping = tokio::spawn(keeper.run());
    let told = || installation.told().unwrap_or_default();
    let is_chained = || {
        fs::read_to_string(folder.path().join("net.d/10-net.conflist"))
            .is_ok_and(|text| text.contains("karez-cni"))
    };
    assert_eq!(installed.get(), 0, "there is no network's configuration yet");
    configure(folder.path());
    until(is_chained).await;
    until(|| installed.get() == 1).await;
    assert_eq!(told().enrolled, only("former"), "the controller has not spoken");
    enrolled.send_replace(Arc::new(only("shop")));
    synced.send_replace(Synced::Complete);
    until(|| told().enrolled == only("shop")).await;
    configure(folder.path());
    until(is_chained).await;
    let state = folder.path().join("net.d/karez-agent-state");
    fs::remove_file(&state).unwrap();
    until(|| told().enrolled.contains("shop")).await;
    fs::write(&state, "half").unwrap();
    until(|| told().enrolled.contains("shop")).await;
    enrolled.send_replace(Arc::default());
    until(|| told().enrolled.is_empty()).await;
    keeping.abort();
    assert!(keeping.await.unwrap_err().is_cancelled());
    assert!(is_chained(), "an agent that ends takes nothing away");

    let keeper = PluginKeeper::new(context, installation.clone(), view, uninstall.clone(), installed.clone());
    let keeping = tokio::spawn(keeper.run());
    uninstall.request().await;
    uninstall.plugin_gone().await;
    assert!(!is_chained() && installation.told().is_none() && installed.get() == 0);
    assert!(!keeping.is_finished(), "its end would be the agent's");
    keeping.abort();
}

/// Its Pods would wait for an agent that holds none.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_agent_installed_is_taken_away_where_none_is_wanted() {
    let (folder, agent, _node) = world();
    let installation = installation(folder.path());
    configure(folder.path());
    installation.tell(&AgentFile { enrolled: only("shop") }).unwrap();
    installation.install().unwrap();
    let (_pods, pods) = watch::channel(Arc::default());
    let (_enrolled, namespaces) = watch::channel(Arc::default());
    let (_synced, synced) = watch::channel(Synced::Waiting);
    let (_status, status) = watch::channel(Status::default());
    let view = LocalPodsView { pods, namespaces, synced, status };
    let uninstall = Uninstall::new(None);
    let keeper = PluginKeeper::<Fake>::new(
        Arc::clone(&agent.context),
        installation.clone(),
        view,
        uninstall.clone(),
        Gauge::default(),
    );
    let taking = tokio::spawn(keeper.take_away());
    uninstall.plugin_gone().await;
    assert!(installation.told().is_none() && !folder.path().join("bin/karez-cni").exists());
    assert!(!fs::read_to_string(folder.path().join("net.d/10-net.conflist")).unwrap().contains("karez-cni"));
    taking.abort();
}
