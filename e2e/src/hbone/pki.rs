//! Certificates in a test's hands: as the mesh's CA signs them, and as it never would.

use std::fs;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use karez_lab::Mesh;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// A root that signs whatever it is asked to.
#[derive(Debug)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// What is to stand in a certificate.
#[derive(Debug, Clone)]
pub struct Leaf {
    name: SanType,
    validity: Validity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    /// For longer than any test.
    Long,
    /// Until so long after 1970.
    Until(Duration),
    /// Years ago.
    Over,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Credential {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    /// The root that the mesh's controller signs with at this moment.
    ///
    /// # Errors
    /// When its state cannot be read.
    pub fn of(mesh: &Mesh) -> Result<Self> {
        let state = fs::read(mesh.folder().join("controller/ca.json"))?;
        let state: serde_json::Value = serde_json::from_slice(&state)?;
        let part = |name: &str| {
            let text = state.pointer(&format!("/roots/signing/{name}")).and_then(serde_json::Value::as_str);
            text.with_context(|| format!("no {name} of the signing root in ca.json"))
        };
        let certificate = CertificateDer::from_pem_slice(part("certificate")?.as_bytes())?;
        let issuer = Issuer::from_ca_cert_der(&certificate, KeyPair::from_pem(part("key")?)?)?;
        Ok(Self { certificate, issuer })
    }

    /// A root that nobody trusts.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn stranger() -> Result<Self> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "a stranger");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// The root's own certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Signs.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn issue(&self, leaf: &Leaf) -> Result<Credential> {
        let key = KeyPair::generate()?;
        let certificate = leaf.params().signed_by(&key, &self.issuer)?;
        Ok(Credential::new(certificate.der().clone(), &key))
    }
}

impl Leaf {
    /// A workload's, with its SPIFFE id.
    ///
    /// # Errors
    /// When the id is not ASCII.
    pub fn of(identity: &str) -> Result<Self> {
        Ok(Self { name: SanType::URI(identity.try_into()?), validity: Validity::Long })
    }

    /// A host's, which names no workload.
    ///
    /// # Errors
    /// When the name is not ASCII.
    pub fn of_host(name: &str) -> Result<Self> {
        Ok(Self { name: SanType::DnsName(name.try_into()?), validity: Validity::Long })
    }

    /// The same, for `life` from now on.
    ///
    /// # Errors
    /// When the clock stands before 1970.
    pub fn lasting(self, life: Duration) -> Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        Ok(Self { validity: Validity::Until(now + life), ..self })
    }

    /// The same, years ago.
    #[must_use]
    pub fn expired(self) -> Self {
        Self { validity: Validity::Over, ..self }
    }

    /// A certificate that only its holder vouches for.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn self_signed(&self) -> Result<Credential> {
        let key = KeyPair::generate()?;
        let certificate = self.params().self_signed(&key)?;
        Ok(Credential::new(certificate.der().clone(), &key))
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![self.name.clone()];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        match self.validity {
            Validity::Long => {}
            Validity::Until(end) => params.not_after = rcgen::date_time_ymd(1970, 1, 1) + end,
            Validity::Over => params.not_after = rcgen::date_time_ymd(2020, 1, 2),
        }
        params
    }
}

impl Credential {
    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        Self { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}
