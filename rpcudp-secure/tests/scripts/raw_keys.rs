//! TLS with raw public keys (RFC 7250) for peers that have none of rpcudp's code, written after
//! `docs/wire.md`.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, ResolvesClientCert};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    version,
};

/// The DER of an Ed25519 key up to the key: the private one in PKCS#8, and the public one.
const PRIVATE_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// One side of a handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawKeys {
    /// The seed of the own key. A client without one shows no key.
    pub(crate) seed: Option<[u8; 32]>,
    /// The public key that the other side must have. `None` accepts every key.
    pub(crate) expected: Option<[u8; 32]>,
    /// The application protocol (ALPN).
    pub(crate) protocol: &'static str,
}

impl RawKeys {
    /// Returns a side with the protocol of rpcudp that accepts every key.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed: Some(seed), expected: None, protocol: "rpcudp/1" }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])
            .expect("the provider has suites of TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(&provider));
        let mut config = match self.seed {
            Some(seed) => {
                let key = AlwaysResolvesClientRawPublicKeys::new(certified(seed, &provider));
                builder.with_client_cert_resolver(Arc::new(key))
            }
            None => builder.with_client_cert_resolver(Arc::new(NoKey)),
        };
        config.alpn_protocols = vec![self.protocol.into()];
        config.enable_sni = false;
        config
    }

    /// # Panics
    ///
    /// Panics without a key.
    #[allow(dead_code, reason = "not every program that has this file has servers")]
    pub(crate) fn server(&self) -> ServerConfig {
        let provider = Arc::new(ring::default_provider());
        let key = certified(self.seed.expect("a server has a key"), &provider);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])
            .expect("the provider has suites of TLS 1.3")
            .with_client_cert_verifier(self.verifier(&provider))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
        config.alpn_protocols = vec![self.protocol.into()];
        config
    }

    fn verifier(&self, provider: &CryptoProvider) -> Arc<Verifier> {
        Arc::new(Verifier { expected: self.expected, algorithms: provider.signature_verification_algorithms })
    }
}

fn certified(seed: [u8; 32], provider: &CryptoProvider) -> Arc<CertifiedKey> {
    let der = PrivatePkcs8KeyDer::from([&PRIVATE_PREFIX[..], &seed].concat());
    let key = provider.key_provider.load_private_key(PrivateKeyDer::from(der)).expect("every seed is a key");
    let public = key.public_key().expect("an Ed25519 key has its public part").to_vec();
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], key))
}

/// A client that announces raw public keys and shows none.
#[derive(Debug)]
struct NoKey;

impl ResolvesClientCert for NoKey {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }
    fn only_raw_public_keys(&self) -> bool {
        true
    }
    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct Verifier {
    expected: Option<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn check(&self, key: &CertificateDer<'_>) -> Result<(), Error> {
        let key = key.strip_prefix(&PUBLIC_PREFIX).ok_or(CertificateError::BadEncoding)?;
        match self.expected {
            Some(expected) if key != expected => Err(CertificateError::ApplicationVerificationFailure.into()),
            _ => Ok(()),
        }
    }

    fn verify(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(key).map(|()| ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::HandshakeNotComplete)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, key, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(key).map(|()| ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::HandshakeNotComplete)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, key, signature)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
