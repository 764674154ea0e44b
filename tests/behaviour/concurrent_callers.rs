//! Tasks of a multi-threaded runtime with responses that arrive together: each gets its own
//! response, for every behaviour of the other tasks.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use rpcudp::{Call, CallError, Endpoint, rpc_service};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{loopback_pair, ms};

#[rpc_service]
trait Echo {
    #[rpc(timeout = "1m")]
    fn echo(&self, number: u64) -> u64;
}

#[rpc_service]
trait Slow {
    #[rpc(timeout = "1m")]
    fn pause(&self);
}

struct Service;

impl Slow for Service {
    fn pause(&self) {
        thread::sleep(ms(7));
    }
}

impl Echo for Service {
    fn echo(&self, number: u64) -> u64 {
        number
    }
}

/// Binds a server and a caller, and returns the server, a client and the caller.
async fn setup() -> (Endpoint, EchoClient, Endpoint) {
    let (server, caller) = loopback_pair(EchoServer::new(Service)).await;
    let client = EchoClient::new(&caller, server.local_addr());
    (server, client, caller)
}

/// Spawns tasks, each with its number and a client.
fn callers<F>(count: u64, client: &EchoClient, act: impl Fn(u64, EchoClient) -> F) -> JoinSet<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for number in 0..count {
        tasks.spawn(act(number, client.clone()));
    }
    tasks
}

/// Waits for tasks. The timeout is many times longer than completed calls take.
async fn join_all(mut tasks: JoinSet<()>) {
    timeout(Duration::from_secs(50), async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    })
    .await
    .expect("a call never completed");
}

/// Polls a call once, which sends it.
async fn poll_once(call: &mut Call<u64>) {
    poll_fn(|cx| {
        assert!(Pin::new(&mut *call).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_task_gets_its_own_response() {
    let (_server, client, _endpoint) = setup().await;
    let tasks = callers(200, &client, |task, client| async move {
        for count in 0..100 {
            let number = task << 32 | count;
            assert_eq!(client.echo(number).await.unwrap(), number);
        }
    });
    join_all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_block_do_not_delay_others_for_ever() {
    let (_server, client, _endpoint) = setup().await;
    let tasks = callers(64, &client, |task, client| async move {
        for count in 0..20 {
            client.echo(count).await.unwrap();
            if task % 4 == 0 {
                thread::sleep(ms(1));
            }
        }
    });
    join_all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_complete_while_a_slow_method_blocks_the_endpoint() {
    let (server, _, other) = setup().await;
    // This endpoint calls the server, and serves a slow method to another caller all the time.
    let busy = Endpoint::builder().serve(SlowServer::new(Service)).bind("127.0.0.1:0").await.unwrap();
    let client = EchoClient::new(&busy, server.local_addr());
    let slow = SlowClient::new(&other, busy.local_addr());
    let mut tasks = callers(20, &client, |_, client| async move {
        for number in 0..20 {
            assert_eq!(client.echo(number).await.unwrap(), number);
        }
    });
    for _ in 0..4 {
        let slow = slow.clone();
        tasks.spawn(async move {
            for _ in 0..20 {
                slow.pause().await.unwrap();
            }
        });
    }
    join_all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_never_take_their_response_do_not_block_others() {
    let (_server, client, _endpoint) = setup().await;
    let _idle = callers(32, &client, |number, client| async move {
        let mut call = client.echo(number);
        poll_once(&mut call).await;
        // The response wakes the task, and the task does not poll the call.
        std::future::pending::<()>().await;
        drop(call);
    });
    let tasks = callers(32, &client, |number, client| async move {
        assert_eq!(client.echo(number).await.unwrap(), number);
    });
    join_all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polled_dropped_and_joined_calls_do_not_block_others() {
    let (_server, client, _endpoint) = setup().await;
    let tasks = callers(96, &client, |task, client| async move {
        for number in 0..50 {
            match task % 4 {
                // The task polls all the time, so it takes the response before it is woken for it.
                0 => {
                    let mut call = pin!(client.echo(number));
                    while poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await.is_pending() {
                        tokio::task::yield_now().await;
                    }
                }
                1 => {
                    let mut call = client.echo(number);
                    poll_once(&mut call).await;
                    tokio::task::yield_now().await;
                }
                2 => {
                    let (first, second, third) =
                        tokio::join!(client.echo(number), client.echo(number + 1), client.echo(number + 2));
                    assert_eq!([first.unwrap(), second.unwrap(), third.unwrap()], [number, number + 1, number + 2]);
                }
                _ => assert_eq!(client.echo(number).await.unwrap(), number),
            }
        }
    });
    join_all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_threads_and_tasks_get_their_own_responses() {
    let (_server, client, _endpoint) = setup().await;
    let mut tasks = JoinSet::new();
    for task in 0..16_u64 {
        let client = client.clone();
        let call_number = move |number| (task * 1_000 + number, client.echo(task * 1_000 + number));
        if task % 2 == 0 {
            tasks.spawn_blocking(move || {
                for (number, call) in (0..100).map(call_number) {
                    assert_eq!(call.wait().unwrap(), number);
                }
            });
        } else {
            tasks.spawn(async move {
                for (number, call) in (0..100).map(call_number) {
                    assert_eq!(call.await.unwrap(), number);
                }
            });
        }
    }
    join_all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_endpoint_fails_every_pending_call() {
    for _ in 0..20 {
        let (_server, client, endpoint) = setup().await;
        let tasks = callers(64, &client, |_, client| async move {
            for number in 0.. {
                match client.echo(number).await {
                    Ok(echoed) => assert_eq!(echoed, number),
                    Err(error) => {
                        assert!(matches!(error, CallError::Closed), "{error}");
                        break;
                    }
                }
            }
        });
        tokio::time::sleep(ms(3)).await;
        endpoint.close(Duration::ZERO).await;
        join_all(tasks).await;
    }
}
