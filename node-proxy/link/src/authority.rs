//! For tests: a certificate authority whose certificates can be wrong in every way.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use karez_api::identity::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use crate::bundle::TrustBundle;
use crate::clock::Clock;
use crate::credential::{Credential, Issued};
use crate::tls::profile;

/// The moment at which these tests play: 2030-01-01.
pub(crate) fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_893_456_000)
}

/// A clock that stands still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopped(pub(crate) SystemTime);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        self.0
    }
}

/// A wall clock that goes with tokio's, so that paused tests move both.
#[derive(Debug)]
pub(crate) struct Paused(tokio::time::Instant);

impl Paused {
    pub(crate) fn at_noon() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for Paused {
    fn now(&self) -> SystemTime {
        noon() + self.0.elapsed()
    }
}

pub(crate) fn identity(text: &str) -> Identity {
    format!("spiffe://{text}").parse().unwrap()
}

/// What is to stand in a certificate.
pub(crate) struct Leaf {
    pub(crate) uris: Vec<String>,
    pub(crate) dns: Vec<String>,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
    pub(crate) usages: Vec<ExtendedKeyUsagePurpose>,
}

impl Leaf {
    /// A good one for an hour around [`noon`].
    pub(crate) fn of(identity: &Identity) -> Self {
        let half_an_hour = Duration::from_secs(1800);
        Self {
            uris: vec![identity.to_string()],
            dns: Vec::new(),
            not_before: noon() - half_an_hour,
            not_after: noon() + half_an_hour,
            usages: vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        }
    }

    fn params(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let uris = self.uris.iter().map(|uri| SanType::URI(uri.as_str().try_into().unwrap()));
        let dns = self.dns.iter().map(|dns| SanType::DnsName(dns.as_str().try_into().unwrap()));
        params.subject_alt_names = uris.chain(dns).collect();
        params.not_before = self.not_before.into();
        params.not_after = self.not_after.into();
        params.extended_key_usages.clone_from(&self.usages);
        params
    }

    pub(crate) fn self_signed(&self) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = self.params().self_signed(&key).unwrap();
        self.issued(vec![certificate.der().clone()], &key)
    }

    fn issued(&self, chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Issued {
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let certified = CertifiedKey::from_der(chain, private, &profile::provider()).unwrap();
        Issued {
            identity: self
                .uris
                .first()
                .and_then(|uri| uri.parse().ok())
                .unwrap_or_else(|| identity("none/ns/x/sa/x")),
            key: certified.into(),
            not_before: self.not_before,
            not_after: self.not_after,
        }
    }
}

/// A root, or an intermediate below one.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// From here up to the root, which is left out.
    above: Vec<CertificateDer<'static>>,
}

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        let issuer =
            CertifiedIssuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap();
        Self { issuer, above: Vec::new() }
    }

    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(authority_params(name), key, &self.issuer).unwrap();
        let mut above = vec![issuer.der().clone()];
        above.extend(self.above.iter().cloned());
        Self { issuer, above }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The roots of `trust_domain` are this one alone.
    pub(crate) fn bundle(&self, trust_domain: &str) -> Arc<TrustBundle> {
        Arc::new(TrustBundle::from_pem(trust_domain, [self.pem().as_str()]).unwrap())
    }

    pub(crate) fn issue(&self, leaf: &Leaf) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.params().signed_by(&key, &self.issuer).unwrap();
        let mut chain = vec![certificate.der().clone()];
        chain.extend(self.above.iter().cloned());
        leaf.issued(chain, &key)
    }

    /// A credential under this authority's own root, at [`noon`].
    pub(crate) fn credential(&self, leaf: &Leaf) -> Credential {
        let issued = self.issue(leaf);
        let bundle = self.bundle(issued.identity.trust_domain());
        let clock: Arc<dyn Clock> = Arc::new(Stopped(noon()));
        Credential::new(issued, bundle, &clock).unwrap()
    }

    /// Answers a request as the mesh's CA does: the leaf, then the root.
    pub(crate) fn sign(&self, csr: &str, leaf: &Leaf) -> Vec<String> {
        let request = CertificateSigningRequestParams::from_pem(csr).unwrap();
        vec![self.sign_key(&request.public_key, leaf), self.pem()]
    }

    /// What a controller at 127.0.0.1 presents, valid in the real present.
    pub(crate) fn controller(&self) -> ServerConfig {
        self.server(&CertificateParams::new(["127.0.0.1".to_owned()]).unwrap())
    }

    /// What a workload presents that listens there in the controller's place, valid in the real present.
    pub(crate) fn workload_in_its_place(&self) -> ServerConfig {
        let now = SystemTime::now();
        let hour = Duration::from_secs(3600);
        let leaf = Leaf {
            not_before: now - hour,
            not_after: now + hour,
            ..Leaf::of(&identity("mesh/ns/shop/sa/web"))
        };
        self.server(&leaf.params())
    }

    fn server(&self, params: &CertificateParams) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(profile::provider())
            .with_protocol_versions(profile::VERSIONS)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        config.alpn_protocols = vec![profile::ALPN.to_vec()];
        config
    }

    pub(crate) fn sign_key(&self, key: &impl PublicKeyData, leaf: &Leaf) -> String {
        leaf.params().signed_by(key, &self.issuer).unwrap().pem()
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}
