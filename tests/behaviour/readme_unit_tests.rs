//! The unit tests that `README.md` shows.

use rpcudp::testing::MockPeer;
use rpcudp::{CallError, Context, rpc_service};

#[rpc_service]
trait Thermometer {
    fn celsius(&self, cx: &Context) -> i8;
}

struct Sensor;

impl Thermometer for Sensor {
    fn celsius(&self, cx: &Context) -> i8 {
        if cx.sender().ip().is_loopback() { 21 } else { -3 }
    }
}

async fn clothes(thermometer: &ThermometerClient) -> &'static str {
    match thermometer.celsius().await {
        Ok(celsius) if celsius > 15 => "a shirt",
        Ok(_) => "a coat",
        Err(CallError::Timeout { .. }) => "both",
        Err(_) => "pyjamas",
    }
}

#[test]
fn a_handler_is_called_with_a_context() {
    let cx = Context::for_test().sender("10.0.0.7:7000".parse().unwrap()).build();
    assert_eq!(Sensor.celsius(&cx), -3);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_backed_by_a_mock_peer() {
    let peer = MockPeer::new(ThermometerServer::new(Sensor));
    assert_eq!(clothes(&peer.client()).await, "a shirt");
    peer.drop_requests();
    assert_eq!(clothes(&peer.client()).await, "both"); // at once: the clock is paused
}
