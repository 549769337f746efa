//! Bodies that are far larger than any window or buffer.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use karez_e2e::peers;
use karez_e2e::shop::{Shop, VIP};

const SIZE: u64 = 100 << 20;

#[test]
fn a_body_of_100_mib_keeps_its_checksum_both_ways() -> Result<()> {
    let shop = Shop::open("bodies", &[(80, 8080)])?;
    let (_nginx, root) = peers::nginx(&shop.mesh, &shop.api, 8080)?;
    let (sent, received) = (shop.mesh.folder().join("sent"), shop.mesh.folder().join("received"));
    io::copy(&mut File::open("/dev/urandom")?.take(SIZE), &mut File::create(&sent)?)?;
    let checksum = sha256(&sent)?;

    for (number, host) in [VIP.to_owned(), format!("[{}]:8080", shop.api.v6)].iter().enumerate() {
        let url = format!("http://{host}/put/body-{number}");
        curl(&shop, &["-T", text(&sent)?, &url])?;
        let arrived = root.join(format!("put/body-{number}"));
        ensure!(sha256(&arrived)? == checksum, "{url}: {} bytes arrived", fs::metadata(&arrived)?.len());
        curl(&shop, &["-o", text(&received)?, &url])?;
        ensure!(sha256(&received)? == checksum, "{url}: {} bytes came back", fs::metadata(&received)?.len());
        fs::remove_file(&received)?;
    }
    Ok(())
}

fn curl(shop: &Shop, arguments: &[&str]) -> Result<String> {
    shop.web.namespace().run("curl", &[&["-sS", "-f", "-m", "60"], arguments].concat())
}

fn sha256(file: &Path) -> Result<String> {
    let output = Command::new("sha256sum").arg(file).output()?;
    ensure!(output.status.success(), "sha256sum: {}", String::from_utf8_lossy(&output.stderr));
    let line = String::from_utf8(output.stdout)?;
    Ok(line.split_whitespace().next().context("no checksum")?.to_owned())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("no UTF-8")
}
