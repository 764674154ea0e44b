//! Links between hosts, over a path that loses and delays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rpcudp::{Endpoint, Identity};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::bulk::{BulkClient, BulkServer, Parts, len_of, transfer};
use crate::host::Host;
use crate::{addr, hosts};

/// The part of the packets that is lost in each direction, and the time that the others take.
const LOSS: f64 = 0.02;
const DELAY: Duration = Duration::from_millis(25);

fn socket(host: &Host, addr: &str) -> Arc<UdpSocket> {
    let socket = host.inside(|| std::net::UdpSocket::bind(addr)).unwrap();
    socket.set_nonblocking(true).unwrap();
    Arc::new(UdpSocket::from_std(socket).unwrap())
}

/// Passes the packets that one socket receives on through another, those that are not lost.
async fn pass(from: Arc<UdpSocket>, through: Arc<UdpSocket>, to: impl Fn(Option<SocketAddr>) -> Option<SocketAddr>) {
    let mut rng = StdRng::seed_from_u64(1);
    let (delayed, mut due) = mpsc::unbounded_channel::<(Instant, Vec<u8>, SocketAddr)>();
    tokio::spawn(async move {
        while let Some((at, packet, to)) = due.recv().await {
            sleep_until(at).await;
            let _ = through.send_to(&packet, to).await;
        }
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok((len, source)) = from.recv_from(&mut buffer).await {
        let to = to(Some(source)).filter(|_| !rng.random_bool(LOSS));
        if let Some(to) = to {
            let _ = delayed.send((Instant::now() + DELAY, buffer[..len].to_vec(), to));
        }
    }
}

/// `RPCUDP_LOSSY_MIB=100` transfers that much each way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_over_a_path_with_loss_and_delay_arrives_unchanged_each_way() {
    let Some([caller, server]) = hosts() else { return };
    // A router at the server's host.
    let (outside, inside) = (socket(&server, "10.0.0.2:7001"), socket(&server, "10.0.0.2:7002"));
    let last_caller = Arc::new(std::sync::Mutex::new(None));
    let there = {
        let last_caller = Arc::clone(&last_caller);
        move |source| {
            *last_caller.lock().unwrap() = source;
            Some(addr("10.0.0.2:7000"))
        }
    };
    let back = move |_| *last_caller.lock().unwrap();
    let router = [
        tokio::spawn(pass(Arc::clone(&outside), Arc::clone(&inside), there)),
        tokio::spawn(pass(inside, outside, back)),
    ];
    let serving = Identity::from_seed([1; 32]);
    let key = serving.peer_id();
    let server = server.bind(Endpoint::builder().identity(serving).serve(BulkServer::new(Parts)), "10.0.0.2:7000");
    let caller = caller.bind(Endpoint::builder().identity(Identity::from_seed([2; 32])), "10.0.0.1:7000");
    let client = BulkClient::secure(&caller, addr("10.0.0.2:7001"), key);
    let len = len_of("RPCUDP_LOSSY_MIB", 256 << 10);
    transfer(&client, len, (len / 6).min((16 << 20) - 2_000), [&server, &caller]).await;
    router.iter().for_each(|task| task.abort());
}
