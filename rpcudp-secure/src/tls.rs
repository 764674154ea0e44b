//! TLS 1.3 with raw public keys (RFC 7250): the key of each side is all that it shows, and the
//! handshake proves it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use quinn_proto::crypto::Session;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::ring::{cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    version,
};

use crate::identity::Identity;
use crate::peer_id::PeerId;

/// The application protocol (ALPN), with its version.
const PROTOCOL: &[u8] = b"rpcudp/1";

/// The server name that quinn-proto asks for. It is not sent.
pub(crate) const SERVER_NAME: &str = "peer";

/// The DER of an Ed25519 public key up to the key itself (RFC 8410).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A function that decides which keys may open a link to this endpoint.
pub(crate) type Allow = Arc<dyn Fn(PeerId) -> bool + Send + Sync>;

/// Returns whether a function allows a key. The function is the user's: if it panics, it has not
/// allowed the key.
pub(crate) fn allows(allow: &Allow, peer: PeerId) -> bool {
    catch_unwind(AssertUnwindSafe(|| allow(peer))).unwrap_or(false)
}

/// The configuration of both sides of a handshake, for one identity.
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    key: Arc<CertifiedKey>,
}

/// The key that the called peer has proven, if the handshake got so far.
pub(crate) type ProvenKey = Arc<OnceLock<PeerId>>;

impl Tls {
    pub(crate) fn new(identity: &Identity) -> Self {
        let provider = CryptoProvider {
            // AES-128 first: it is the fastest on small packets.
            cipher_suites: vec![
                cipher_suite::TLS13_AES_128_GCM_SHA256,
                cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
                cipher_suite::TLS13_AES_256_GCM_SHA384,
            ],
            kx_groups: vec![kx_group::X25519],
            ..rustls::crypto::ring::default_provider()
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.to_pkcs8()));
        let key = provider.key_provider.load_private_key(key).expect("an identity is a key that ring signs with");
        let spki = [&SPKI_PREFIX[..], identity.peer_id().as_bytes()].concat();
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key));
        Self { provider: Arc::new(provider), key }
    }

    /// Returns the configuration of the called side.
    pub(crate) fn server(&self, allow: Allow) -> QuicServerConfig {
        let verifier = CallerVerifier { allow, algorithms: self.provider.signature_verification_algorithms };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13])
            .expect("the provider has suites of TLS 1.3")
            .with_client_cert_verifier(Arc::new(verifier))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&self.key))));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        QuicServerConfig::try_from(config).expect("the provider has the suite of QUIC's first packets")
    }

    /// Returns the configuration of the calling side, and the place of the key that the peer will
    /// have proven. If a key is expected, the handshake with another ends before the own key is
    /// shown.
    pub(crate) fn client(&self, expected: Option<PeerId>) -> (QuicClientConfig, ProvenKey) {
        let proven = ProvenKey::default();
        let algorithms = self.provider.signature_verification_algorithms;
        let verifier = CalledVerifier { expected, proven: Arc::clone(&proven), algorithms };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13])
            .expect("the provider has suites of TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&self.key))));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.enable_sni = false;
        config.resumption = Resumption::disabled();
        let config = QuicClientConfig::try_from(config).expect("the provider has the suite of QUIC's first packets");
        (config, proven)
    }
}

/// Returns the key that the peer has proven in a handshake that is complete.
pub(crate) fn proven_key(session: &dyn Session) -> Option<PeerId> {
    let identity = session.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    peer_of(identity.first()?)
}

/// Returns the peer with a key in DER. `None` if it is not an Ed25519 key.
fn peer_of(spki: &[u8]) -> Option<PeerId> {
    let key = spki.strip_prefix(&SPKI_PREFIX)?;
    Some(PeerId::from_bytes(key.try_into().ok()?))
}

/// Returns the error for a key that is not accepted. The peer gets the alert `access_denied`.
fn denied() -> Error {
    CertificateError::ApplicationVerificationFailure.into()
}

fn verify_signature(
    message: &[u8],
    key: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(key.as_ref()), signature, algorithms)
}

/// The check of the called peer's key, by its caller.
struct CalledVerifier {
    expected: Option<PeerId>,
    proven: ProvenKey,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for CalledVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalledVerifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for CalledVerifier {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        peer_of(key).ok_or(CertificateError::BadEncoding)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(denied())
    }

    /// Compares the key after its signature is verified, so that the error names a key that the
    /// peer has.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = verify_signature(message, key, signature, &self.algorithms)?;
        let peer = peer_of(key).ok_or(CertificateError::BadEncoding)?;
        let _ = self.proven.set(peer);
        if self.expected.is_none_or(|expected| expected == peer) { Ok(verified) } else { Err(denied()) }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// The check of the caller's key, by the called peer.
struct CallerVerifier {
    allow: Allow,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for CallerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerVerifier").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for CallerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Refuses a key that is not allowed before its signature is verified, which takes longer.
    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let peer = peer_of(key).ok_or(CertificateError::BadEncoding)?;
        if allows(&self.allow, peer) { Ok(ClientCertVerified::assertion()) } else { Err(denied()) }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(denied())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, key, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
