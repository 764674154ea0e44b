use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use quinn_proto::crypto::rustls::QuicClientConfig;
use quinn_proto::{
    ClientConfig, Connection, ConnectionHandle, DatagramEvent, Dir, Endpoint, EndpointConfig, Event, ReadError,
    StreamEvent, StreamId, TransportConfig, VarInt,
};
use rpcudp_secure::PeerId;

use crate::raw_keys::RawKeys;

/// A peer that has a key and QUIC, and none of the rules for frames.
pub(crate) struct Peer {
    endpoint: Endpoint,
    handle: ConnectionHandle,
    connection: Connection,
    /// The streams that the other end has opened, with their bytes so far.
    incoming: Vec<(StreamId, Vec<u8>)>,
    /// The frames that have arrived whole.
    frames: Vec<Vec<u8>>,
    /// The streams that the other end has acknowledged to their end.
    delivered: Vec<StreamId>,
}

impl Peer {
    const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

    pub(crate) fn connect(now: Instant, addr: SocketAddr, expected: PeerId) -> Self {
        // The default announces that the bit of links is not needed.
        let config = EndpointConfig::default();
        let mut endpoint = Endpoint::new(Arc::new(config), None, false, Some([3; 32]));
        let keys = RawKeys { expected: Some(*expected.as_bytes()), ..RawKeys::new([3; 32]) };
        let tls = QuicClientConfig::try_from(keys.client()).expect("the provider has the suite of the first packets");
        let mut transport = TransportConfig::default();
        transport.max_idle_timeout(Some(Self::IDLE_TIMEOUT.try_into().expect("ten minutes fit")));
        let mut client = ClientConfig::new(Arc::new(tls));
        client.transport_config(Arc::new(transport));
        let connected = endpoint.connect(now, client, addr, "peer");
        let (handle, connection) = connected.expect("the address can be called");
        Self { endpoint, handle, connection, incoming: Vec::new(), frames: Vec::new(), delivered: Vec::new() }
    }

    pub(crate) fn handle(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) {
        let event = self.endpoint.handle(now, source, None, None, BytesMut::from(datagram), &mut Vec::new());
        if let Some(DatagramEvent::ConnectionEvent(_, event)) = event {
            self.connection.handle_event(event);
        }
        self.settle();
    }

    /// Passes the datagrams that have to be sent to `sink`.
    pub(crate) fn flush(&mut self, now: Instant, mut sink: impl FnMut(&[u8])) {
        loop {
            let mut datagram = Vec::new();
            if self.connection.poll_transmit(now, 1, &mut datagram).is_none() {
                break;
            }
            sink(&datagram);
        }
        self.settle();
    }

    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(event) = self.connection.poll_endpoint_events() {
            if let Some(event) = self.endpoint.handle_event(self.handle, event) {
                self.connection.handle_event(event);
            }
        }
        while let Some(event) = self.connection.poll() {
            match event {
                Event::ConnectionLost { reason } => panic!("the link ends only when the peer closes it: {reason}"),
                Event::Stream(StreamEvent::Finished { id }) => self.delivered.push(id),
                _ => {}
            }
        }
    }

    pub(crate) fn open(&mut self) -> Option<StreamId> {
        self.connection.streams().open(Dir::Uni)
    }

    /// Writes bytes. Returns how many the other end's windows allow.
    pub(crate) fn write(&mut self, stream: StreamId, bytes: &[u8]) -> usize {
        self.connection.send_stream(stream).write(bytes).unwrap_or(0)
    }

    pub(crate) fn finish(&mut self, stream: StreamId) {
        // Fails if the other end has stopped it.
        let _ = self.connection.send_stream(stream).finish();
    }

    /// Returns the streams that the other end has acknowledged to their end since the last call.
    pub(crate) fn take_delivered(&mut self) -> Vec<StreamId> {
        std::mem::take(&mut self.delivered)
    }

    pub(crate) fn reset(&mut self, stream: StreamId) {
        let _ = self.connection.send_stream(stream).reset(VarInt::from_u32(7));
    }

    /// Sends a DATAGRAM frame. Returns whether it fits and the buffer has room.
    pub(crate) fn send(&mut self, frame: &[u8]) -> bool {
        self.connection.datagrams().send(Bytes::copy_from_slice(frame), false).is_ok()
    }

    /// Reads all that has arrived. Returns the frames that are complete.
    pub(crate) fn read(&mut self) -> Vec<Vec<u8>> {
        while let Some(frame) = self.connection.datagrams().recv() {
            self.frames.push(frame.to_vec());
        }
        while let Some(stream) = self.connection.streams().accept(Dir::Uni) {
            self.incoming.push((stream, Vec::new()));
        }
        let Self { connection, incoming, frames, .. } = self;
        incoming.retain_mut(|(stream, bytes)| {
            let mut stream = connection.recv_stream(*stream);
            let Ok(mut chunks) = stream.read(true) else { return false };
            let is_pending = loop {
                match chunks.next(usize::MAX) {
                    Ok(Some(chunk)) => bytes.extend_from_slice(&chunk.bytes),
                    Ok(None) => {
                        let (len, frame) = bytes.split_first_chunk().expect("a stream begins with a length");
                        assert_eq!(u32::from_be_bytes(*len) as usize, frame.len());
                        frames.push(frame.to_vec());
                        break false;
                    }
                    Err(ReadError::Blocked) => break true,
                    Err(ReadError::Reset(_)) => break false,
                }
            };
            let _ = chunks.finalize();
            is_pending
        });
        std::mem::take(frames)
    }

    /// Stops a stream that the other end has opened. Returns whether there is one.
    pub(crate) fn stop(&mut self, number: usize) -> bool {
        if let Some(stream) = self.connection.streams().accept(Dir::Uni) {
            self.incoming.push((stream, Vec::new()));
        }
        if self.incoming.is_empty() {
            return false;
        }
        let (stream, _) = self.incoming.swap_remove(number % self.incoming.len());
        let _ = self.connection.recv_stream(stream).stop(VarInt::from_u32(9));
        true
    }

    pub(crate) fn close(&mut self, now: Instant) {
        self.connection.close(now, VarInt::from_u32(0), Bytes::new());
    }
}
