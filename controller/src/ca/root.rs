//! A root: a key, and the certificate by which the mesh's proxies know it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::Timestamp;
use super::leaf::{back_dated, random_serial};

/// The certificate of a root, as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCertificate {
    der: CertificateDer<'static>,
    pem: String,
    fingerprint: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// A root that can sign. Cheap to clone.
#[derive(Clone)]
pub struct Root {
    certificate: RootCertificate,
    issuer: Arc<Issuer<'static, KeyPair>>,
}

/// Why a root cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The key or the certificate could not be made.
    #[error("no new root could be made: {0}")]
    Generate(rcgen::Error),
    /// The certificate is not one.
    #[error("the certificate of a root cannot be read: {0}")]
    Certificate(String),
    /// The key is not one.
    #[error("the key of root {fingerprint} cannot be read: {error}")]
    Key {
        /// Of the certificate.
        fingerprint: String,
        /// What is wrong.
        error: rcgen::Error,
    },
    /// The key belongs to another certificate.
    #[error("the key that stands beside root {fingerprint} is not its key")]
    OtherKey {
        /// Of the certificate.
        fingerprint: String,
    },
}

impl Root {
    /// Makes a new one, valid for `lifetime` from `now`.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate(now: Timestamp, lifetime: Duration) -> Result<Self, RootError> {
        let key = KeyPair::generate().map_err(RootError::Generate)?;
        let serial = random_serial().map_err(RootError::Generate)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "karez");
        // Unlike names let a verifier pick the root that signed without trying its key on every other.
        params.distinguished_name.push(DnType::CommonName, format!("karez root {serial}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = now.before(back_dated(lifetime)).date();
        params.not_after = now.after(lifetime).date();
        params.serial_number = Some(serial);
        let certificate = params.self_signed(&key).map_err(RootError::Generate)?;
        Self::new(RootCertificate::from_pem(&certificate.pem())?, key)
    }

    /// Reads one back.
    ///
    /// # Errors
    /// When one of the two is not PEM of the expected kind, or they do not belong together.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, RootError> {
        let certificate = RootCertificate::from_pem(certificate)?;
        let key = KeyPair::from_pem(key)
            .map_err(|error| RootError::Key { fingerprint: certificate.fingerprint.clone(), error })?;
        Self::new(certificate, key)
    }

    /// One that somebody else made: the first certificate of `chain`, which must be allowed to sign others.
    ///
    /// # Errors
    /// When one of the two is not PEM of the expected kind, they do not belong together, or it may not sign.
    pub fn provided(chain: &str, key: &str) -> Result<Self, RootError> {
        const END: &str = "-----END CERTIFICATE-----";
        let first = chain.split_inclusive(END).next().unwrap_or(chain);
        let root = Self::from_pem(&format!("{}\n", first.trim()), key)?;
        if !parse(root.certificate.der())?.is_ca() {
            return Err(RootError::Certificate("it is not one of a certificate authority (isCA)".to_owned()));
        }
        Ok(root)
    }

    fn new(certificate: RootCertificate, key: KeyPair) -> Result<Self, RootError> {
        if certificate.public_key()? != key.public_key_raw() {
            return Err(RootError::OtherKey { fingerprint: certificate.fingerprint });
        }
        let issuer = Issuer::from_ca_cert_der(&certificate.der, key)
            .map_err(|error| RootError::Certificate(error.to_string()))?;
        Ok(Self { certificate, issuer: Arc::new(issuer) })
    }

    /// What the world may know of it.
    #[must_use]
    pub fn certificate(&self) -> &RootCertificate {
        &self.certificate
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({})", self.certificate.fingerprint)
    }
}

impl RootCertificate {
    /// Reads one back.
    ///
    /// # Errors
    /// When it is no PEM certificate.
    pub fn from_pem(pem: &str) -> Result<Self, RootError> {
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| RootError::Certificate(error.to_string()))?;
        let timestamp =
            |time: ASN1Time| Timestamp::from_seconds(u64::try_from(time.timestamp()).unwrap_or(0));
        let validity = parse(&der)?.validity().clone();
        let (not_before, not_after) = (timestamp(validity.not_before), timestamp(validity.not_after));
        let fingerprint = hex(digest(&SHA256, &der).as_ref());
        Ok(Self { der, pem: pem.to_owned(), fingerprint, not_before, not_after })
    }

    fn public_key(&self) -> Result<Vec<u8>, RootError> {
        Ok(parse(&self.der)?.public_key().subject_public_key.data.to_vec())
    }

    /// DER.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Hex SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// When it begins to be valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// When it expires, and all that it signed with it.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, RootError> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|error| RootError::Certificate(error.to_string()))?;
    Ok(certificate)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How roots stand in the state file.
#[derive(Serialize, Deserialize)]
struct RootFile {
    certificate: String,
    key: String,
}

impl Serialize for Root {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let key = self.issuer.key().serialize_pem();
        RootFile { certificate: self.certificate.pem.clone(), key }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = RootFile::deserialize(deserializer)?;
        Self::from_pem(&file.certificate, &file.key).map_err(serde::de::Error::custom)
    }
}

impl Serialize for RootCertificate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.pem.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RootCertificate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_pem(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
