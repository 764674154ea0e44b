//! Responses that another thread sends later.

use std::sync::mpsc;
use std::thread;

use rpcudp::Refusal;
use rpcudp::dynamic::{BoxedService, Responder};
use rpcudp::sim::Network;

use super::*;
use crate::support::{Pair, TestResult, refusal};

/// Passes requests to the other end of the channel.
struct Queue {
    send: mpsc::Sender<(String, Responder)>,
    delivery: Delivery,
}

impl DynamicService for Queue {
    fn name(&self) -> &str {
        "Queue"
    }

    fn methods(&self) -> Vec<Method> {
        vec![Method { delivery: self.delivery, ..Method::named("next") }]
    }

    async fn call(&self, _: &Context, method: &str, _: RawArguments<'_>) -> DynamicResponse {
        let (responder, response) = DynamicResponse::deferred();
        self.send.send((method.into(), responder)).unwrap();
        response.await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thread_answers_requests_in_batches() -> TestResult {
    let (send, requests) = mpsc::channel::<(String, Responder)>();
    let thread = thread::spawn(move || {
        let (mut count, mut batches) = (0_u64, 0_u64);
        while let Ok(first) = requests.recv() {
            let batch: Vec<_> = [first].into_iter().chain(requests.try_iter()).collect();
            batches += 1;
            for (method, responder) in batch.into_iter().rev() {
                responder.respond(DynamicResponse::value(&(method, count)));
                count += 1;
            }
        }
        (count, batches)
    });
    let queue = BoxedService::new(Queue { send, delivery: Delivery::Maybe });
    let server = Endpoint::builder().serve_dynamic(queue).bind("127.0.0.1:0").await?;
    let caller = Endpoint::bind("127.0.0.1:0").await?;
    let callers = (0..64).map(|_| {
        let (caller, peer) = (caller.clone(), server.local_addr());
        tokio::spawn(async move {
            for _ in 0..50 {
                call(&caller, peer, "next", NO_ARGUMENTS).await.unwrap();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await?;
    }
    server.close(ms(1_000)).await;
    drop(server);
    let (count, batches) = thread.join().unwrap();
    assert_eq!(count, 64 * 50);
    assert!(batches <= count);
    Ok(())
}

fn pair(delivery: Delivery) -> (Pair, mpsc::Receiver<(String, Responder)>) {
    let (send, requests) = mpsc::channel();
    let server = Endpoint::builder().serve_dynamic(Queue { send, delivery });
    (Pair::new(Network::new(1), server, Endpoint::builder()), requests)
}

#[tokio::test(start_paused = true)]
async fn responder_that_is_dropped_refuses_the_request() {
    let (pair, requests) = pair(Delivery::Maybe);
    let call = tokio::spawn(call(&pair.caller, pair.server.local_addr(), "next", NO_ARGUMENTS));
    sleep(ms(10)).await;
    drop(requests.try_recv().unwrap());
    assert_eq!(refusal(call.await.unwrap()).0, Refusal::Stopped);
}

#[tokio::test(start_paused = true)]
async fn responder_sees_the_end_of_a_cancelled_request() {
    for (delivery, ends) in [(Delivery::Maybe, true), (Delivery::AtMostOnce, false)] {
        let (pair, requests) = pair(delivery);
        let call = tokio::spawn(call(&pair.caller, pair.server.local_addr(), "next", NO_ARGUMENTS));
        sleep(ms(10)).await;
        let (_, mut responder) = requests.try_recv().unwrap();
        assert!(!responder.has_ended());
        call.abort();
        sleep(ms(10)).await;
        assert_eq!(responder.has_ended(), ends, "{delivery:?}");
        if ends {
            responder.ended().await;
        }
        responder.respond(DynamicResponse::value(&1));
        sleep(ms(10)).await;
        assert_eq!(pair.server.stats().requests.running, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn deferred_request_ends_with_its_endpoint() {
    let (pair, requests) = pair(Delivery::AtMostOnce);
    let _call = tokio::spawn(call(&pair.caller, pair.server.local_addr(), "next", NO_ARGUMENTS));
    sleep(ms(10)).await;
    let (_, responder) = requests.try_recv().unwrap();
    pair.server.close(ms(100)).await;
    assert!(responder.has_ended());
}
