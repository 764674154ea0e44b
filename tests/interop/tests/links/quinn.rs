use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use quinn::ConnectionError;
use rpcudp::{CallError, Endpoint, LinkEnd, LinkOptions};
use rpcudp_interop::{PeerClient, PeerServer, RustPeer, blob};
use rpcudp_secure::{Expected, Links};

use crate::frames::{ADD, HEADER_LEN, SUM, binary, blob_of, request, response, size_of};
use crate::quinn_peer::{QuinnPeer, receive, receive_on_stream, send_on_stream};
use crate::raw_keys::RawKeys;
use crate::{identity, peer, rust};

/// The codes of QUIC for alerts of TLS (RFC 9001, 4.8), after `docs/wire.md`.
const ACCESS_DENIED: u64 = 0x100 + 49;
const CERTIFICATE_REQUIRED: u64 = 0x100 + 116;
const NO_APPLICATION_PROTOCOL: u64 = 0x100 + 120;

/// Returns the code with which the endpoint has closed a link.
fn code(error: &ConnectionError) -> u64 {
    let ConnectionError::ConnectionClosed(close) = error else { panic!("{error:?}") };
    close.error_code.into()
}

#[tokio::test]
async fn quinn_calls_methods_in_datagram_frames_and_on_streams() {
    let rust = rust().await;
    let mut quinn = QuinnPeer::client(2);
    quinn.keys.expected = Some(*peer(1).as_bytes());
    let connection = quinn.connect(rust.local_addr()).await.unwrap();
    for number in 0..100 {
        connection.send_datagram(request(number, ADD).into()).unwrap();
        assert_eq!(receive(&connection).await, response(number, SUM));
    }
    // A large request, and its small response, which takes a stream too.
    send_on_stream(&connection, &request(101, &size_of(&[7; 300_000]))).await;
    assert_eq!(receive_on_stream(&connection).await, response(101, b"\xce\x00\x04\x93\xe0"));
    // A small request, and its large response.
    connection.send_datagram(request(102, &blob_of(300_000)).into()).unwrap();
    assert_eq!(receive_on_stream(&connection).await, response(102, &binary(&blob(300_000))));
    assert_eq!((rust.link_stats().up, rust.stats().dropped_in_all()), (1, 0));
}

#[tokio::test]
async fn peer_without_datagram_frames_is_served_on_streams() {
    let rust = rust().await;
    let quinn = QuinnPeer { has_datagrams: false, ..QuinnPeer::client(2) };
    let connection = quinn.connect(rust.local_addr()).await.unwrap();
    for number in 0..40 {
        send_on_stream(&connection, &request(number, ADD)).await;
        assert_eq!(receive_on_stream(&connection).await, response(number, SUM));
    }
}

#[tokio::test]
async fn quinn_serves_calls() {
    for retries in [false, true] {
        let caller = Endpoint::builder().identity(identity(2)).bind("127.0.0.1:0").await.unwrap();
        let keys = RawKeys { expected: Some(*peer(2).as_bytes()), ..RawKeys::new([1; 32]) };
        let client = PeerClient::secure(&caller, QuinnPeer::serve(keys, retries), peer(1));
        for _ in 0..100 {
            assert_eq!(client.add(1, 2).await.unwrap(), 3);
        }
        assert_eq!(client.size(&[7; 300_000]).await.unwrap(), 300_000);
        assert_eq!(client.peer_id(), Some(peer(1)));
    }
}

#[tokio::test]
async fn quinn_that_has_another_key_than_the_pinned_one_gets_no_request() {
    let caller = Endpoint::builder().identity(identity(2)).bind("127.0.0.1:0").await.unwrap();
    let addr = QuinnPeer::serve(RawKeys::new([1; 32]), false);
    let error = PeerClient::secure(&caller, addr, peer(7)).add(1, 2).await.unwrap_err();
    assert!(matches!(error, CallError::WrongPeer { found, .. } if found == peer(1)), "{error}");
    assert_eq!(PeerClient::secure(&caller, addr, peer(1)).add(1, 2).await.unwrap(), 3);
}

#[tokio::test]
async fn quinn_with_another_protocol_is_incompatible() {
    let rust = rust().await;
    let other = RawKeys { protocol: "h3", ..RawKeys::new([2; 32]) };
    let error = PeerClient::secure(&rust, QuinnPeer::serve(other, false), peer(2)).add(1, 2).await.unwrap_err();
    assert!(matches!(error, CallError::Link { reason: LinkEnd::Incompatible, .. }), "{error}");
    let quinn = QuinnPeer { keys: other, ..QuinnPeer::client(2) };
    assert_eq!(code(&quinn.connect(rust.local_addr()).await.unwrap_err()), NO_APPLICATION_PROTOCOL);
}

#[tokio::test]
async fn quinn_that_pins_another_key_ends_the_link() {
    let rust = rust().await;
    let mut quinn = QuinnPeer::client(2);
    quinn.keys.expected = Some(*peer(7).as_bytes());
    let error = quinn.connect(rust.local_addr()).await.unwrap_err();
    assert!(matches!(error, ConnectionError::TransportError(_)), "{error:?}");
    assert_eq!(rust.link_stats().up, 0);
}

#[tokio::test]
async fn quinn_with_a_key_that_is_not_allowed_or_without_one_is_refused() {
    let builder = Endpoint::builder().identity(identity(1)).allow([peer(3)]).serve(PeerServer::new(RustPeer));
    let rust = builder.bind("127.0.0.1:0").await.unwrap();
    let keyless = QuinnPeer { keys: RawKeys { seed: None, ..RawKeys::new([2; 32]) }, ..QuinnPeer::client(2) };
    for (quinn, expected) in [(QuinnPeer::client(2), ACCESS_DENIED), (keyless, CERTIFICATE_REQUIRED)] {
        // The client's handshake ends before the server sees its key.
        let error = match quinn.connect(rust.local_addr()).await {
            Ok(connection) => connection.closed().await,
            Err(error) => error,
        };
        assert_eq!(code(&error), expected);
    }
    let connection = QuinnPeer::client(3).connect(rust.local_addr()).await.unwrap();
    connection.send_datagram(request(1, ADD).into()).unwrap();
    assert_eq!(receive(&connection).await, response(1, SUM));
    assert_eq!((rust.link_stats().established, rust.stats().requests.received), (1, 1));
}

/// Begins handshakes from addresses that are not validated, until the endpoint demands a proof of
/// the address from each caller. They last five seconds.
pub(crate) fn occupy(addr: SocketAddr) {
    for host in [2, 3] {
        let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
        for number in 0..16 {
            let now = Instant::now();
            let mut links = Links::new(&identity(host), LinkOptions::default(), now, [16 * host + number; 32]);
            links.connect(now, addr, Expected::Any).unwrap();
            links.flush(now, |datagram| {
                socket.send_to(datagram.contents, addr).unwrap();
            });
        }
    }
}

pub(crate) async fn wait_until_occupied(rust: &Endpoint) {
    let occupied = async {
        while rust.link_stats().handshaking < 32 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), occupied).await.expect("32 handshakes have begun");
}

#[tokio::test]
async fn quinn_proves_its_address_by_retry() {
    let rust = rust().await;
    occupy(rust.local_addr());
    wait_until_occupied(&rust).await;
    let connection = QuinnPeer::client(4).connect(rust.local_addr()).await.unwrap();
    connection.send_datagram(request(1, ADD).into()).unwrap();
    assert_eq!(receive(&connection).await[HEADER_LEN..], *SUM);
    assert_eq!(rust.link_stats().retried, 1);
}
