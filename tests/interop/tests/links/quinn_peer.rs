use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig,
};
use tokio::time::timeout;

use crate::frames::{ADD, HEADER_LEN, SUM, of_stream, on_stream};
use crate::raw_keys::RawKeys;

/// A peer that quinn drives.
pub(crate) struct QuinnPeer {
    pub(crate) endpoint: Endpoint,
    pub(crate) keys: RawKeys,
    /// Whether it takes part in DATAGRAM frames.
    pub(crate) has_datagrams: bool,
}

impl QuinnPeer {
    /// The time limit for a frame that must arrive.
    const LIMIT: Duration = Duration::from_secs(20);

    /// The longest stream that is read.
    const MAX_LEN: usize = 1 << 20;

    /// Returns a client with the identity of a number.
    pub(crate) fn client(number: u8) -> Self {
        let keys = RawKeys::new([number; 32]);
        Self { endpoint: endpoint(None), keys, has_datagrams: true }
    }

    /// Connects to an endpoint. The other end may refuse afterwards.
    pub(crate) async fn connect(&self, addr: SocketAddr) -> Result<Connection, ConnectionError> {
        let tls = QuicClientConfig::try_from(self.keys.client()).unwrap();
        let mut transport = TransportConfig::default();
        if !self.has_datagrams {
            transport.datagram_receive_buffer_size(None);
        }
        let mut config = ClientConfig::new(Arc::new(tls));
        config.transport_config(Arc::new(transport));
        self.endpoint.connect_with(config, addr, "peer").unwrap().await
    }

    /// Starts a server that responds to `add(1, 2)`. Validates addresses by Retry if `retries`.
    /// Returns its address.
    pub(crate) fn serve(keys: RawKeys, retries: bool) -> SocketAddr {
        let tls = QuicServerConfig::try_from(keys.server()).unwrap();
        let endpoint = endpoint(Some(ServerConfig::with_crypto(Arc::new(tls))));
        let addr = endpoint.local_addr().unwrap();
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                if retries && !incoming.remote_address_validated() {
                    incoming.retry().unwrap();
                } else {
                    tokio::spawn(async move {
                        if let Ok(connection) = incoming.await {
                            respond(connection).await;
                        }
                    });
                }
            }
        });
        addr
    }
}

fn endpoint(server: Option<ServerConfig>) -> Endpoint {
    // The default announces that the bit of links is not needed.
    let config = EndpointConfig::default();
    let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0)).unwrap();
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).unwrap()
}

/// Responds to requests, in the kind of frame that they have come in, until the link ends.
async fn respond(connection: Connection) {
    loop {
        tokio::select! {
            frame = connection.read_datagram() => {
                let Ok(frame) = frame else { return };
                if let Some(response) = response_to(&frame) {
                    connection.send_datagram(response.into()).unwrap();
                }
            }
            stream = connection.accept_uni() => {
                let Ok(mut stream) = stream else { return };
                let frame = of_stream(&stream.read_to_end(QuinnPeer::MAX_LEN).await.unwrap());
                if let Some(response) = response_to(&frame) {
                    send_on_stream(&connection, &response).await;
                }
            }
        }
    }
}

/// Returns the response to a request: the sum, or the argument of `size` behind the length of it.
fn response_to(frame: &[u8]) -> Option<Vec<u8>> {
    let (header, body) = frame.split_at(HEADER_LEN);
    assert_eq!(header[0], 0, "a request");
    let respond = |body: &[u8]| Some([&[1], &header[1..], body].concat());
    if body.starts_with(ADD) {
        return respond(SUM);
    }
    let bytes = body.strip_prefix(b"\x92\xa4size\x91\xc6")?;
    respond(&[b"\xce", &bytes[..4]].concat())
}

/// Sends a frame on a stream of its own.
pub(crate) async fn send_on_stream(connection: &Connection, frame: &[u8]) {
    let mut stream = connection.open_uni().await.unwrap();
    stream.write_all(&on_stream(frame)).await.unwrap();
    stream.finish().unwrap();
}

/// Receives a DATAGRAM frame.
pub(crate) async fn receive(connection: &Connection) -> Vec<u8> {
    timeout(QuinnPeer::LIMIT, connection.read_datagram()).await.expect("a frame arrives").unwrap().to_vec()
}

/// Receives a frame on a stream of its own.
pub(crate) async fn receive_on_stream(connection: &Connection) -> Vec<u8> {
    let received = async {
        let mut stream = connection.accept_uni().await.unwrap();
        of_stream(&stream.read_to_end(QuinnPeer::MAX_LEN).await.unwrap())
    };
    timeout(QuinnPeer::LIMIT, received).await.expect("a frame arrives")
}
