//! The bit in the first byte of each datagram, also towards peers that could do without it.

use std::any::Any;
use std::sync::Arc;

use quinn_proto::coding::Codec;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::crypto::{
    ClientConfig, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session,
    UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side, TransportError, VarInt};

/// A configuration of TLS that hides the peer's announcement of `grease_quic_bit` (RFC 9287) from
/// QUIC. quinn-proto would clear the bit in half of the packets to a peer that announces it, and
/// these would begin like the frames of the plain wire.
pub(crate) struct FixedBit<T>(Arc<T>);

impl<T> FixedBit<T> {
    pub(crate) fn new(tls: T) -> Self {
        Self(Arc::new(tls))
    }
}

impl ClientConfig for FixedBit<QuicClientConfig> {
    fn start_session(
        self: Arc<Self>,
        version: u32,
        server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let session = Arc::clone(&self.0).start_session(version, server_name, params)?;
        Ok(Box::new(FixedBitSession { session, side: Side::Client }))
    }
}

impl ServerConfig for FixedBit<QuicServerConfig> {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        self.0.initial_keys(version, dst_cid)
    }
    fn retry_tag(&self, version: u32, orig_dst_cid: &ConnectionId, packet: &[u8]) -> [u8; 16] {
        self.0.retry_tag(version, orig_dst_cid, packet)
    }
    fn start_session(self: Arc<Self>, version: u32, params: &TransportParameters) -> Box<dyn Session> {
        let session = Arc::clone(&self.0).start_session(version, params);
        Box::new(FixedBitSession { session, side: Side::Server })
    }
}

struct FixedBitSession {
    session: Box<dyn Session>,
    side: Side,
}

/// Returns transport parameters (RFC 9000, 18) without the announcement.
fn without_grease_quic_bit(params: &TransportParameters, side: Side) -> Result<TransportParameters, TransportError> {
    const GREASE_QUIC_BIT: VarInt = VarInt::from_u32(0x2ab2);
    let mut encoded = Vec::new();
    params.write(&mut encoded);
    let mut kept = Vec::with_capacity(encoded.len());
    let mut rest = &encoded[..];
    while let (before, Ok(id), Ok(len)) = (rest, VarInt::decode(&mut rest), VarInt::decode(&mut rest)) {
        rest = rest.get(len.into_inner() as usize..).unwrap_or_default();
        if id != GREASE_QUIC_BIT {
            kept.extend_from_slice(&before[..before.len() - rest.len()]);
        }
    }
    Ok(TransportParameters::read(side, &mut &kept[..])?)
}

impl Session for FixedBitSession {
    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let params = self.session.transport_parameters()?;
        params.map(|params| without_grease_quic_bit(&params, self.side)).transpose()
    }

    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.session.initial_keys(dst_cid, side)
    }
    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.session.handshake_data()
    }
    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        self.session.peer_identity()
    }
    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        self.session.early_crypto()
    }
    fn early_data_accepted(&self) -> Option<bool> {
        self.session.early_data_accepted()
    }
    fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }
    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        self.session.read_handshake(buf)
    }
    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        self.session.write_handshake(buf)
    }
    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.session.next_1rtt_keys()
    }
    fn is_valid_retry(&self, orig_dst_cid: &ConnectionId, header: &[u8], payload: &[u8]) -> bool {
        self.session.is_valid_retry(orig_dst_cid, header, payload)
    }
    fn export_keying_material(
        &self,
        output: &mut [u8],
        label: &[u8],
        context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        self.session.export_keying_material(output, label, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcement_alone_is_removed() {
        // max_idle_timeout 30 s, grease_quic_bit, initial_max_data 7, max_datagram_frame_size 9
        let encoded = b"\x01\x04\x80\x00\x75\x30\x6a\xb2\x00\x04\x01\x07\x20\x01\x09";
        let expected = b"\x01\x04\x80\x00\x75\x30\x04\x01\x07\x20\x01\x09";
        let read = |bytes: &[u8]| TransportParameters::read(Side::Server, &mut { bytes }).unwrap();
        assert_ne!(read(encoded), read(expected));
        let kept = without_grease_quic_bit(&read(encoded), Side::Server).unwrap();
        assert_eq!(kept, read(expected));
        assert_eq!(without_grease_quic_bit(&kept, Side::Server).unwrap(), kept);
    }
}
