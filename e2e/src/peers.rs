//! Real, unmodified programs started in a Pod.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use karez_lab::{Mesh, Pod, Process, mesh, wait};

use crate::peer::load::Figures;

/// The uid of the applications: some user of no other meaning.
const APPLICATION_UID: u32 = 4242;
const START: Duration = Duration::from_secs(20);

/// Starts `karez-peer serve` with these arguments.
///
/// # Errors
/// When it does not listen in time.
pub fn peer(mesh: &Mesh, pod: &Pod, arguments: &[&str]) -> Result<Process> {
    server(mesh, pod, "serve", arguments)
}

/// Starts `karez-peer grpc-serve`.
///
/// # Errors
/// When it does not listen in time.
pub fn grpc(mesh: &Mesh, pod: &Pod, port: u16) -> Result<Process> {
    server(mesh, pod, "grpc-serve", &[&port.to_string()])
}

fn server(mesh: &Mesh, pod: &Pod, work: &str, arguments: &[&str]) -> Result<Process> {
    let mut command =
        mesh::as_application(mesh.privilege(), pod.namespace(), APPLICATION_UID, &peer_program()?);
    command.arg(work).args(arguments);
    let mut process = Process::start(&format!("peer-{}", pod.name), mesh.folder(), command)?;
    let ports: Vec<_> = arguments.iter().filter_map(|argument| argument.parse::<u16>().ok()).collect();
    for port in ports {
        wait_listening(pod, port, &mut process)?;
    }
    Ok(process)
}

/// Runs `karez-peer` in a Pod to its end and gives what it printed.
///
/// # Errors
/// When it fails.
pub fn run_peer(pod: &Pod, arguments: &[&str]) -> Result<String> {
    pod.namespace().run(&peer_program()?, arguments)
}

/// A load generator of `karez-peer` that runs in a Pod while the test goes on.
#[derive(Debug)]
pub struct Load(Process);

/// Starts one.
///
/// # Errors
/// When it cannot be started.
pub fn load(mesh: &Mesh, pod: &Pod, arguments: &[&str]) -> Result<Load> {
    static LOADS: AtomicU32 = AtomicU32::new(0);
    let name = format!("load-{}-{}", pod.name, LOADS.fetch_add(1, Ordering::Relaxed));
    let mut command = pod.namespace().command(&peer_program()?);
    command.args(arguments);
    Ok(Load(Process::start(&name, mesh.folder(), command)?))
}

impl Load {
    /// Checks that it is not over yet: what was seen up to now was seen under load.
    ///
    /// # Errors
    /// When it has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.0.ensure_running()
    }

    /// Waits for its end, at most `limit`, and gives what it found.
    ///
    /// # Errors
    /// When it takes longer or fails; with what it printed.
    pub fn finish(mut self, limit: Duration) -> Result<Figures> {
        let status = self.0.wait(limit)?;
        let log = self.0.log();
        anyhow::ensure!(status.success(), "the load generator ended with {status}: {log}");
        serde_json::from_str(&log).with_context(|| log.clone())
    }
}

/// Where `karez-peer` is: beside the running program.
///
/// # Errors
/// When it was not built.
pub fn peer_program() -> Result<String> {
    let programs: PathBuf = karez_lab::Settings::default().programs;
    let path = programs.join("karez-peer");
    anyhow::ensure!(path.exists(), "{} is not built", path.display());
    Ok(path.display().to_string())
}

/// Starts nginx on `port`, serving the folder that is given back.
///
/// # Errors
/// When it does not listen in time.
pub fn nginx(mesh: &Mesh, pod: &Pod, port: u16) -> Result<(Process, PathBuf)> {
    nginx_with(
        mesh,
        pod,
        port,
        "autoindex on;
         location = /whoami { return 200 \"$remote_addr\\n\"; }
         location /put/ { dav_methods PUT; create_full_put_path on; client_max_body_size 0; }",
    )
}

/// The same with these lines in its `server` block.
///
/// # Errors
/// When it does not listen in time.
pub fn nginx_with(mesh: &Mesh, pod: &Pod, port: u16, server: &str) -> Result<(Process, PathBuf)> {
    let folder = mesh.folder().join(format!("nginx-{}", pod.name));
    let root = folder.join("www");
    std::fs::create_dir_all(&root)?;
    let configuration = format!(
        "daemon off; pid {0}/pid; error_log {0}/error.log; worker_processes 1; {user}
         events {{ worker_connections 4096; }}
         http {{
           access_log {0}/access.log; client_body_temp_path {0}/body; proxy_temp_path {0}/proxy;
           fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi;
           server {{
             listen {port}; listen [::]:{port}; root {1};
             {server}
           }}
         }}",
        folder.display(),
        root.display(),
        user = "user root;",
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let mut command = pod.namespace().command("nginx");
    command.arg("-p").arg(&folder).arg("-c").arg(&file).args(["-e", "stderr"]);
    let mut process = Process::start(&format!("nginx-{}", pod.name), mesh.folder(), command)?;
    wait_listening(pod, port, &mut process)?;
    Ok((process, root))
}

/// Starts Redis on its own port, 6379.
///
/// # Errors
/// When it does not listen in time.
pub fn redis(mesh: &Mesh, pod: &Pod) -> Result<Process> {
    let mut command =
        mesh::as_application(mesh.privilege(), pod.namespace(), APPLICATION_UID, "redis-server");
    command.args([
        "--port",
        "6379",
        "--bind",
        "*",
        "-::*",
        "--protected-mode",
        "no",
        "--save",
        "",
        "--dir",
        "/tmp",
    ]);
    let mut process = Process::start(&format!("redis-{}", pod.name), mesh.folder(), command)?;
    wait_listening(pod, 6379, &mut process)?;
    Ok(process)
}

/// Starts PostgreSQL on its own port, 5432, with a fresh database that trusts its network.
///
/// # Errors
/// When it cannot be initialised or does not listen in time.
pub fn postgres(mesh: &Mesh, pod: &Pod) -> Result<Process> {
    let folder = mesh.folder().join(format!("postgres-{}", pod.name));
    std::fs::create_dir_all(&folder)?;
    // initdb wants a user that has a name: Debian's package brings one.
    let user = nix::unistd::User::from_name("postgres")?.context("there is no user postgres")?;
    if mesh.privilege() == karez_lab::privilege::Privilege::Root {
        nix::unistd::chown(&folder, Some(user.uid), Some(user.gid))?;
    }
    let data = folder.join("data");
    let run = |program: &str| {
        postgres_program(program)
            .map(|path| mesh::as_application(mesh.privilege(), pod.namespace(), user.uid.as_raw(), &path))
    };
    let initdb = run("initdb")?
        .arg("-D")
        .arg(&data)
        .args(["-U", "shop", "-A", "trust", "--no-sync", "-E", "UTF8"])
        .output()?;
    anyhow::ensure!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
    std::fs::write(data.join("pg_hba.conf"), "host all all all trust\nlocal all all trust\n")?;
    let mut command = run("postgres")?;
    command.arg("-D").arg(&data).args(["-h", "*", "-k"]).arg(&folder).args(["-c", "fsync=off"]);
    let mut process = Process::start(&format!("postgres-{}", pod.name), mesh.folder(), command)?;
    wait_listening(pod, 5432, &mut process)?;
    Ok(process)
}

/// The newest PostgreSQL that Debian installed.
fn postgres_program(name: &str) -> Result<String> {
    let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .context("PostgreSQL is not installed")?
        .flatten()
        .map(|entry| entry.path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    versions.sort();
    versions
        .pop()
        .map(|path| path.display().to_string())
        .with_context(|| format!("no {name} under /usr/lib/postgresql"))
}

/// Starts an iperf3 server on its own port, 5201.
///
/// # Errors
/// When it does not listen in time.
pub fn iperf3(mesh: &Mesh, pod: &Pod) -> Result<Process> {
    let mut command = pod.namespace().command("iperf3");
    command.args(["-s", "--forceflush"]);
    let mut process = Process::start(&format!("iperf3-{}", pod.name), mesh.folder(), command)?;
    wait_listening(pod, 5201, &mut process)?;
    Ok(process)
}

/// Waits until some program in the Pod listens on `port`.
fn wait_listening(pod: &Pod, port: u16, process: &mut Process) -> Result<()> {
    wait::until(&format!("{} to listen on {port}", pod.name), START, || {
        process.ensure_running()?;
        let listening = pod.namespace().run("ss", &["-Hltn", &format!("sport = :{port}")])?;
        anyhow::ensure!(!listening.trim().is_empty(), "nobody listens");
        Ok(())
    })
}
