use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, version};

use crate::measuring::BoxError;

/// The name in the certificates.
pub(crate) const NAME: &str = "localhost";

/// The certificates of a client and a server, each with an Ed25519 key, that trust each other.
///
/// The handshake is mutual TLS 1.3 with the algorithms that rpcudp's links have.
pub(crate) struct Tls {
    pub(crate) server: Party,
    pub(crate) client: Party,
    provider: Arc<CryptoProvider>,
}

/// One end of a connection.
pub(crate) struct Party {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Tls {
    /// Generates keys and certificates.
    ///
    /// # Errors
    ///
    /// Returns an error if they cannot be generated.
    pub(crate) fn new() -> Result<Self, BoxError> {
        Ok(Self { server: Party::new()?, client: Party::new()?, provider: Arc::new(provider()) })
    }

    /// Makes the algorithms those of the process, for crates that cannot be given them.
    pub(crate) fn install_provider() {
        // Fails if they have been installed already.
        let _ = provider().install_default();
    }

    pub(crate) fn client_config(&self) -> Result<ClientConfig, BoxError> {
        Ok(ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_root_certificates(self.server.roots()?)
            .with_client_auth_cert(vec![self.client.der()], self.client.private_key()?)?)
    }

    pub(crate) fn server_config(&self) -> Result<ServerConfig, BoxError> {
        let roots = Arc::new(self.client.roots()?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&self.provider)).build()?;
        Ok(ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![self.server.der()], self.server.private_key()?)?)
    }
}

impl Party {
    fn new() -> Result<Self, BoxError> {
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let certificate = CertificateParams::new(vec![NAME.to_owned()])?.self_signed(&key)?;
        Ok(Self { certificate, key })
    }

    /// Returns the certificate and the key in PEM.
    pub(crate) fn pem(&self) -> (String, String) {
        (self.certificate.pem(), self.key.serialize_pem())
    }

    fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, BoxError> {
        Ok(PrivateKeyDer::try_from(self.key.serialize_der())?)
    }

    fn roots(&self) -> Result<RootCertStore, BoxError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der())?;
        Ok(roots)
    }
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
        ],
        kx_groups: vec![kx_group::X25519],
        ..ring::default_provider()
    }
}
