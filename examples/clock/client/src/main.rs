//! A client of the clock.
//!
//!     cargo run -p clock-client -- 127.0.0.1:4242

use clock_contract::ClockClient;
use rpcudp::{CallError, Endpoint};

/// Returns the time as a line for people.
async fn time(clock: &ClockClient) -> String {
    match clock.time().await {
        Ok(time) => format!("{} seconds since 1970", time.since_1970.as_secs()),
        Err(CallError::Timeout { .. }) => "the clock does not respond".into(),
        Err(error) => error.to_string(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4242".into());
    let endpoint = Endpoint::bind("0.0.0.0:0").await?;
    println!("{}", time(&ClockClient::new(&endpoint, addr.parse()?)).await);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock_contract::{Clock, ClockServer, Time};
    use rpcudp::testing::MockPeer;

    use super::*;

    /// A clock that has stopped.
    struct Stopped;

    impl Clock for Stopped {
        fn time(&self) -> Time {
            Time { since_1970: Duration::from_secs(97) }
        }

        async fn wait(&self, _millis: u32) {}
    }

    #[tokio::test(start_paused = true)]
    async fn line_has_the_time_or_the_reason() {
        let peer = MockPeer::new(ClockServer::new(Stopped));
        assert_eq!(time(&peer.client()).await, "97 seconds since 1970");
        peer.drop_requests();
        assert_eq!(time(&peer.client()).await, "the clock does not respond");
    }
}
