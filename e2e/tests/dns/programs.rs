//! Programs that resolve names as they always do.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{VIP, VIP6};
use karez_lab::Pod;

use crate::world::{ELSEWHERE, World};

#[test]
fn curl_reaches_the_service_by_every_name_as_in_kubernetes() -> Result<()> {
    let world = World::open("dns-curl")?;
    let (_nginx, _root) = peers::nginx(&world.shop.mesh, &world.shop.api, 8080)?;
    let etc = etc(&world, &world.servers[0].addresses())?;
    for name in
        ["api", "api.shop", "api.shop.svc", "api.shop.svc.cluster.local", "api.shop.svc.cluster.local."]
    {
        for (family, address) in [("-4", VIP), ("-6", VIP6)] {
            let url = format!("http://{name}/whoami");
            let arguments = [family, "-sS", "-f", "-m", "10", "-o", "/dev/null", "-w", "%{remote_ip}", &url];
            let output = run(&etc, &world.shop.web, "curl", &arguments)?;
            ensure!(output.status.success(), "{url}: {output:?}");
            ensure!(output.stdout == address.as_bytes(), "{url} is {output:?}");
        }
    }
    Ok(())
}

#[test]
fn a_program_goes_on_to_its_second_server_when_the_first_is_dead() -> Result<()> {
    let world = World::open("dns-second")?;
    let [_, second] = &world.servers;
    let nobody = world.shop.outside.v4().into();
    let etc = etc(&world, &[nobody, second.addresses()[0]])?;
    let output = run(&etc, &world.shop.web, "getent", &["ahosts", ELSEWHERE])?;
    let printed = String::from_utf8_lossy(&output.stdout);
    for own in second.own() {
        ensure!(printed.contains(&own), "{ELSEWHERE} is not {own}: {output:?}");
    }
    Ok(())
}

/// A folder to be a Pod's `/etc`, with the resolver's configuration that kubelet writes.
fn etc(world: &World, servers: &[IpAddr]) -> Result<PathBuf> {
    let folder = world.shop.mesh.folder().join("etc");
    fs::create_dir_all(&folder)?;
    let servers: String = servers.iter().map(|address| format!("nameserver {address}\n")).collect();
    let search = "search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";
    fs::write(folder.join("resolv.conf"), servers + search)?;
    fs::write(folder.join("nsswitch.conf"), "hosts: files dns\n")?;
    Ok(folder)
}

/// Runs a program in the Pod with this `/etc`.
fn run(etc: &Path, pod: &Pod, program: &str, arguments: &[&str]) -> Result<Output> {
    let mut command = pod.namespace().command("unshare");
    command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc && exec \"$@\""]);
    Ok(command.arg(etc).arg(program).args(arguments).output()?)
}
