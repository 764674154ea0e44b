//! Endpoints whose process or driver pauses: calls end on time, and responses that have arrived
//! count.

use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rpcudp::{CallError, Endpoint, rpc_service};

use crate::support::{TestResult, ms, silent_socket};

#[rpc_service]
trait Blocker {
    fn hour(&self) -> u8;
    /// Blocks the driver until the test releases it. Returns whether the test did.
    fn block(&self) -> bool;
}

struct Blocking(Mutex<Receiver<()>>);

impl Blocker for Blocking {
    fn hour(&self) -> u8 {
        12
    }
    fn block(&self) -> bool {
        self.0.lock().unwrap().recv_timeout(Duration::from_secs(30)).is_ok()
    }
}

/// The server of the next test, which stops its caller before it responds and continues it after
/// the caller's deadline.
struct Stopping;

#[rpc_service]
trait Stopper {
    async fn stop(&self, process: u32) -> bool;
}

impl Stopper for Stopping {
    async fn stop(&self, process: u32) -> bool {
        let signal = move |name: &str| {
            let sent = Command::new("kill").args([name, &process.to_string()]).status();
            sent.is_ok_and(|status| status.success())
        };
        let is_stopped = signal("-STOP");
        std::thread::spawn(move || {
            std::thread::sleep(ms(1_000));
            signal("-CONT")
        });
        is_stopped
    }
}

/// The name of the variable that makes this test the caller: a process of its own, with the address
/// of the server.
const SERVER_ADDR: &str = "RPCUDP_PAUSES_SERVER";

/// A program that is stopped, and continued after its call's deadline, finds both the timer fired
/// and the response in its socket.
#[test]
fn response_that_arrives_while_the_process_is_stopped_completes_its_call() -> TestResult {
    if let Ok(addr) = std::env::var(SERVER_ADDR) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(async {
            let caller = Endpoint::bind("127.0.0.1:0").await?;
            let stopper = StopperClient::new(&caller, addr.parse()?);
            assert!(stopper.stop(std::process::id()).timeout(ms(500)).await?);
            Ok(())
        });
    }
    let server = Endpoint::builder().serve(StopperServer::new(Stopping)).bind("127.0.0.1:0").wait()?;
    let mut caller = Command::new(std::env::current_exe()?);
    caller.args(["--exact", "pauses::response_that_arrives_while_the_process_is_stopped_completes_its_call"]);
    let output = caller.env(SERVER_ADDR, server.local_addr().to_string()).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_end_on_time_while_a_sync_method_blocks_their_endpoint() -> TestResult {
    let (release, released) = channel();
    let peer = Endpoint::builder().serve(BlockerServer::new(Blocking(Mutex::new(released))));
    let peer = peer.bind("127.0.0.1:0").await?;
    let caller = Endpoint::bind("127.0.0.1:0").await?;
    let (_silent, silent_addr) = silent_socket();
    let blocked = tokio::spawn(BlockerClient::new(&caller, peer.local_addr()).block().timeout(Duration::from_secs(60)));
    // The blocked endpoint makes calls of its own, to a peer that does not respond.
    let client = BlockerClient::new(&peer, silent_addr);
    // A worker that blocks may be the one that polls timers, so the test does not use them.
    std::thread::sleep(ms(50));
    for timeout in [ms(200), ms(50)] {
        let ended = client.hour().retransmit(timeout == ms(50)).timeout(timeout).await;
        assert!(matches!(ended, Err(CallError::Timeout { .. })), "{ended:?}");
    }
    release.send(())?;
    assert!(blocked.await??, "the calls ended while the method blocked");
    Ok(())
}
