//! A pair of HAProxies: mTLS between them, one TLS connection for each of the client's, no capture.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use karez_lab::{Mesh, Pod, Process};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};

use crate::bench::case::{ECHO, SINK, SOURCE};

/// Which of the client's HAProxies: it has one for each server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// For the server on its own node.
    First,
    /// For the server on the other node.
    Second,
}

impl Place {
    /// Added to a port to get the one on which the client's HAProxy takes it.
    #[must_use]
    pub fn shift(self) -> u16 {
        match self {
            Self::First => 1000,
            Self::Second => 1100,
        }
    }
}

/// Added to a port to get the one on which the server's HAProxy takes it.
const FAR: u16 = 2000;

/// Certificates for the pair, in one folder.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// A CA, and a certificate for either end.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "bench");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        fs::write(folder.join("ca.pem"), authority.pem())?;
        for end in ["near", "far"] {
            let key = KeyPair::generate()?;
            let mut leaf = CertificateParams::default();
            leaf.subject_alt_names = vec![SanType::DnsName(format!("{end}.bench").try_into()?)];
            let certificate = leaf.signed_by(&key, &authority)?;
            fs::write(
                folder.join(format!("{end}.pem")),
                format!("{}{}", certificate.pem(), key.serialize_pem()),
            )?;
        }
        Ok(Self { folder: folder.to_owned() })
    }
}

/// The client's end: every port of the bench, on to the server's end at `far`.
///
/// # Errors
/// When it cannot be started.
pub fn near(mesh: &Mesh, certificates: &Certificates, pod: &Pod, far: &Pod, place: Place) -> Result<Process> {
    let tls = format!(
        "ssl crt {0}/near.pem ca-file {0}/ca.pem verify required ssl-min-ver TLSv1.3",
        certificates.folder.display()
    );
    start(mesh, certificates, pod, &format!("near-{}", far.name), |port| {
        format!(
            "listen p{port}\n  bind :{}\n  server far {}:{} {tls}\n",
            port + place.shift(),
            far.v4,
            port + FAR
        )
    })
}

/// The server's end: every port of the bench, on to the server beside it.
///
/// # Errors
/// When it cannot be started.
pub fn far(mesh: &Mesh, certificates: &Certificates, pod: &Pod) -> Result<Process> {
    let tls = format!(
        "ssl crt {0}/far.pem ca-file {0}/ca.pem verify required ssl-min-ver TLSv1.3",
        certificates.folder.display()
    );
    start(mesh, certificates, pod, "far", |port| {
        format!("listen p{port}\n  bind :{} {tls}\n  server app 127.0.0.1:{port}\n", port + FAR)
    })
}

/// Without `maxconn` it takes as many connections as it may have descriptors for.
fn start(
    mesh: &Mesh,
    certificates: &Certificates,
    pod: &Pod,
    end: &str,
    listen: impl Fn(u16) -> String,
) -> Result<Process> {
    let mut text = "global\n  nbthread 1\n  tune.ssl.default-dh-param 2048\n\
                    defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n  option splice-auto\n"
        .to_owned();
    text.extend([ECHO, SINK, SOURCE].map(listen));
    let file = certificates.folder.join(format!("{end}-{}.cfg", pod.name));
    fs::write(&file, text)?;
    let mut command = pod.namespace().command("haproxy");
    command.arg("-db").arg("-f").arg(&file);
    Process::start(&format!("haproxy-{end}-{}", pod.name), mesh.folder(), command)
}
