//! What a generated client offers besides the contract's methods.

use std::time::Duration;

use rpcudp::{Call, CallError, CallOf, Client, Endpoint, rpc_service};

use crate::support::{TestResult, loopback_pair, ms, request, silent_socket};

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
async fn clients_are_cheap_handles() -> TestResult {
    let (server, caller) = loopback_pair(ClockServer::new(Noon)).await;
    let nowhere = "127.0.0.1:9".parse()?;
    let client = ClockClient::new(&caller, nowhere);
    drop(caller);
    assert_eq!(client.peer(), nowhere);
    let elsewhere = client.clone().with_peer(server.local_addr());
    assert_eq!(elsewhere.hour().await?, 12);
    assert_eq!(elsewhere.endpoint().local_addr(), client.endpoint().local_addr());
    Ok(())
}

/// How long a call has waited that nobody answered.
async fn after<T: std::fmt::Debug>(call: Call<T>) -> Duration {
    match call.await {
        Err(CallError::Timeout { after, .. }) => after,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_nearest_timeout_holds() -> TestResult {
    let (_socket, silent) = silent_socket();
    let endpoint = Endpoint::builder().timeout(ms(1)).bind("127.0.0.1:0").await?;
    let clock = ClockClient::new(&endpoint, silent);
    assert_eq!(after(clock.hour()).await, ms(1), "the endpoint's");
    assert_eq!(after(clock.minute()).await, Duration::from_micros(1_500), "the contract's, to the microsecond");

    let patient = clock.with_timeout(ms(2));
    assert_eq!(after(patient.hour()).await, ms(2), "the client's");
    assert_eq!(after(patient.minute()).await, ms(2), "the client's before the contract's");
    assert_eq!(after(patient.clone().with_peer(silent).hour()).await, ms(2), "kept by its relatives");
    assert_eq!(after(patient.hour().timeout(ms(3))).await, ms(3), "the call's");
    assert_eq!(after(clock.hour()).await, ms(1), "of no concern to the one that it came from");
    Ok(())
}

#[tokio::test]
async fn a_client_prints_its_name_and_its_peer() -> TestResult {
    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let clock = ClockClient::new(&endpoint, "192.0.2.1:7".parse()?);
    assert_eq!(format!("{clock:?}"), "ClockClient { peer: 192.0.2.1:7, .. }");
    let clock = Client::with_timeout(&clock, Duration::from_secs(2));
    assert_eq!(format!("{clock:?}"), "ClockClient { peer: 192.0.2.1:7, timeout: 2s, .. }");
    Ok(())
}

/// Calls that someone keeps.
struct Kept {
    hour: Call<u8>,
    set: CallOf<Result<(), String>>,
}

#[tokio::test]
async fn the_type_of_a_call_can_be_named() -> TestResult {
    let endpoint = Endpoint::builder().serve(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    let clock = ClockClient::new(&endpoint, endpoint.local_addr());
    let Kept { hour, set } = Kept { hour: clock.hour(), set: clock.set(24) };
    assert_eq!(hour.await?, 12);
    assert_eq!(set.await.unwrap_err().into_application().unwrap(), "a day has 24 hours");
    Ok(())
}

/// Whoever has the only answer that is waited for does not look for more; what was left comes with what comes next.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_request_that_came_right_behind_an_answer_is_refused_with_the_next() {
    let (peer, addr) = silent_socket();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
    let mut buffer = [0; 100];
    for round in 0..3 {
        let asked = tokio::spawn(ClockClient::new(&endpoint, addr).hour().into_future());
        // On this thread nothing else runs while it waits here.
        tokio::task::yield_now().await;
        let (len, caller) = peer.recv_from(&mut buffer).unwrap();
        assert!(len > 21, "a call is a datagram");
        let answer = [&[1][..], &buffer[1..21], b"\x0c"].concat();
        for datagram in [&answer, &request([1; 20], "ping", &[])] {
            peer.send_to(datagram, caller).unwrap();
        }
        assert_eq!(asked.await.unwrap().unwrap(), 12);
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
