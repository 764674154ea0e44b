//! Callers whose answers arrive together, in tasks of a runtime with several workers: each hears of its own, whatever the others
//! do with theirs.

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

struct Same;

impl Slow for Same {
    fn pause(&self) {
        thread::sleep(ms(7));
    }
}

impl Echo for Same {
    fn echo(&self, number: u64) -> u64 {
        number
    }
}

/// A server, a client, and the client's endpoint.
async fn setup() -> (Endpoint, EchoClient, Endpoint) {
    let (server, caller) = loopback_pair(EchoServer::new(Same)).await;
    let client = EchoClient::new(&caller, server.local_addr());
    (server, client, caller)
}

/// Starts tasks that call, each with its number and a client of its own.
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

/// Waits for these tasks, which end long before if nobody is forgotten.
async fn all(mut tasks: JoinSet<()>) {
    timeout(Duration::from_secs(50), async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    })
    .await
    .expect("somebody waits in vain");
}

/// Polls a call once, so that it is sent.
async fn send(call: &mut Call<u64>) {
    poll_fn(|cx| {
        assert!(Pin::new(&mut *call).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_its_own_answer() {
    let (_server, client, _endpoint) = setup().await;
    let tasks = callers(200, &client, |task, client| async move {
        for count in 0..100 {
            let number = task << 32 | count;
            assert_eq!(client.echo(number).await.unwrap(), number);
        }
    });
    all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_have_much_to_do_with_theirs() {
    let (_server, client, _endpoint) = setup().await;
    let tasks = callers(64, &client, |task, client| async move {
        for count in 0..20 {
            client.echo(count).await.unwrap();
            if task % 4 == 0 {
                thread::sleep(ms(1));
            }
        }
    });
    all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoint_may_be_kept_by_a_slow_method() {
    let (server, _, asker) = setup().await;
    // It calls the server, and is asked by another all the time.
    let busy = Endpoint::builder().serve(SlowServer::new(Same)).bind("127.0.0.1:0").await.unwrap();
    let client = EchoClient::new(&busy, server.local_addr());
    let slow = SlowClient::new(&asker, busy.local_addr());
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
    all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_never_ask_for_theirs() {
    let (_server, client, _endpoint) = setup().await;
    let _idle = callers(32, &client, |number, client| async move {
        let mut call = client.echo(number);
        send(&mut call).await;
        // It is woken for the answer, and waits on for something else.
        std::future::pending::<()>().await;
        drop(call);
    });
    let tasks = callers(32, &client, |number, client| async move {
        assert_eq!(client.echo(number).await.unwrap(), number);
    });
    all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_take_theirs_early_or_drop_it_or_wait_for_several() {
    let (_server, client, _endpoint) = setup().await;
    let tasks = callers(96, &client, |task, client| async move {
        for number in 0..50 {
            match task % 4 {
                // Its task comes back all the time, and its answer is gone when its turn comes.
                0 => {
                    let mut call = pin!(client.echo(number));
                    while poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await.is_pending() {
                        tokio::task::yield_now().await;
                    }
                }
                1 => {
                    let mut call = client.echo(number);
                    send(&mut call).await;
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
    all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_are_threads() {
    let (_server, client, _endpoint) = setup().await;
    let mut tasks = JoinSet::new();
    for task in 0..16_u64 {
        let client = client.clone();
        let repeatedly = move |number| (task * 1_000 + number, client.echo(task * 1_000 + number));
        if task % 2 == 0 {
            tasks.spawn_blocking(move || {
                for (number, call) in (0..100).map(repeatedly) {
                    assert_eq!(call.wait().unwrap(), number);
                }
            });
        } else {
            tasks.spawn(async move {
                for (number, call) in (0..100).map(repeatedly) {
                    assert_eq!(call.await.unwrap(), number);
                }
            });
        }
    }
    all(tasks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_closes_forgets_nobody() {
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
        all(tasks).await;
    }
}
