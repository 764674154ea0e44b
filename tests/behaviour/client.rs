//! Generated clients, apart from the methods of their contracts: peers, timeouts, `Debug` and the
//! types of calls.

use std::time::Duration;

use rpcudp::{Call, CallError, CallOf, Client, Endpoint, rpc_service};

use crate::support::{TestResult, loopback_pair, ms, silent_socket};

#[rpc_service]
trait Clock {
    fn hour(&self) -> u8;
    #[rpc(timeout = "1500us")]
    fn minute(&self) -> u8;
    fn set(&self, hour: u8) -> Result<(), String>;
}

struct Noon;

impl Clock for Noon {
    fn hour(&self) -> u8 {
        12
    }
    fn minute(&self) -> u8 {
        0
    }
    fn set(&self, hour: u8) -> Result<(), String> {
        if hour < 24 { Ok(()) } else { Err("a day has 24 hours".into()) }
    }
}

#[tokio::test]
async fn client_keeps_its_endpoint_open_and_with_peer_changes_the_peer() -> TestResult {
    let (server, caller) = loopback_pair(ClockServer::new(Noon)).await;
    let peer = "127.0.0.1:9".parse()?;
    let client = ClockClient::new(&caller, peer);
    drop(caller);
    assert_eq!(client.peer(), peer);
    let other = client.clone().with_peer(server.local_addr());
    assert_eq!(other.hour().await?, 12);
    assert_eq!(other.endpoint().local_addr(), client.endpoint().local_addr());
    Ok(())
}

/// Returns the timeout after which a call failed.
async fn timeout_of<T: std::fmt::Debug>(call: Call<T>) -> Duration {
    match call.await {
        Err(CallError::Timeout { after, .. }) => after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn timeout_of_the_call_precedes_client_contract_and_endpoint() -> TestResult {
    let (_socket, silent) = silent_socket();
    let endpoint = Endpoint::builder().timeout(ms(1)).bind("127.0.0.1:0").await?;
    let clock = ClockClient::new(&endpoint, silent);
    assert_eq!(timeout_of(clock.hour()).await, ms(1), "the endpoint's");
    assert_eq!(timeout_of(clock.minute()).await, Duration::from_micros(1_500), "the contract's, to the microsecond");

    let slower_clock = clock.with_timeout(ms(2));
    assert_eq!(timeout_of(slower_clock.hour()).await, ms(2), "the client's");
    assert_eq!(timeout_of(slower_clock.minute()).await, ms(2), "the client's before the contract's");
    assert_eq!(timeout_of(slower_clock.clone().with_peer(silent).hour()).await, ms(2), "a clone has the timeout too");
    assert_eq!(timeout_of(slower_clock.hour().timeout(ms(3))).await, ms(3), "the call's");
    assert_eq!(timeout_of(clock.hour()).await, ms(1), "the first client is unchanged");
    Ok(())
}

#[tokio::test]
async fn debug_output_names_the_client_its_peer_and_its_timeout() -> TestResult {
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let clock = ClockClient::new(&endpoint, "192.0.2.1:7".parse()?);
    assert_eq!(format!("{clock:?}"), "ClockClient { peer: 192.0.2.1:7, .. }");
    let clock = Client::with_timeout(&clock, Duration::from_secs(2));
    assert_eq!(format!("{clock:?}"), "ClockClient { peer: 192.0.2.1:7, timeout: 2s, .. }");
    Ok(())
}

/// Calls in the fields of a struct.
struct PendingCalls {
    hour: Call<u8>,
    set: CallOf<Result<(), String>>,
}

#[tokio::test]
async fn types_of_calls_can_be_named() -> TestResult {
    let endpoint = Endpoint::builder().serve(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    let clock = ClockClient::new(&endpoint, endpoint.local_addr());
    let PendingCalls { hour, set } = PendingCalls { hour: clock.hour(), set: clock.set(24) };
    assert_eq!(hour.await?, 12);
    assert_eq!(set.await.unwrap_err().into_application().unwrap(), "a day has 24 hours");
    Ok(())
}

#[tokio::test]
async fn encoded_len_is_the_length_that_the_limit_applies_to() -> TestResult {
    let mut sent_count = 0;
    for limit in 4..=10 {
        let builder = Endpoint::builder().serve(ClockServer::new(Noon)).max_request_len(limit);
        let endpoint = builder.bind("127.0.0.1:0").await?;
        let call = ClockClient::new(&endpoint, endpoint.local_addr()).hour();
        let len = call.encoded_len();
        let result = call.await;
        match result {
            Ok(_) => {
                assert!(len <= limit, "{len} > {limit}");
                sent_count += 1;
            }
            Err(CallError::TooLarge { size, .. }) => assert!(size == len && len > limit, "{size}, {len} <= {limit}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert!((1..7).contains(&sent_count), "{sent_count} of 7");
    Ok(())
}

/// An endpoint that has received the response to its only pending call does not receive once more.
/// It handles a datagram behind that response when the next datagram arrives.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn request_behind_the_only_pending_response_is_refused_with_the_next_datagram() {
    use crate::support::request;

    let (peer, addr) = silent_socket();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let mut buffer = [0; 100];
    for round in 0..3 {
        let call = tokio::spawn(ClockClient::new(&endpoint, addr).hour().into_future());
        // The endpoint runs on this thread too: it cannot run during a blocking receive.
        tokio::task::yield_now().await;
        let (len, caller) = peer.recv_from(&mut buffer).unwrap();
        assert!(len > 21, "a request is longer than its header");
        let response = [&[1][..], &buffer[1..21], b"\x0c"].concat();
        for datagram in [&response, &request([1; 20], "ping", &[])] {
            peer.send_to(datagram, caller).unwrap();
        }
        assert_eq!(call.await.unwrap().unwrap(), 12);
        peer.send_to(&request([2; 20], "ping", &[]), caller).unwrap();
        for id in 1..=2 {
            tokio::time::timeout(Duration::from_secs(10), async {
                while endpoint.stats().requests.refused < 2 * round + id {
                    tokio::time::sleep(ms(1)).await;
                }
            })
            .await
            .unwrap();
            let (len, _) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!((buffer[0], &buffer[1..21]), (4, &[id as u8; 20][..]), "{:?}", &buffer[..len]);
        }
    }
}
