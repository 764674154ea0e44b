//! The frame: when it is sent, and which request it belongs to.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use rpcudp::{Dialect, DropReason, Endpoint};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;
use crate::support::{ms, over_each_wire};

over_each_wire!(
    every_way_to_drop_a_call_in_flight_sends_one_cancel_frame,
    call_that_needs_no_cancel_frame_sends_none,
    endpoint_with_send_cancels_off_sends_none,
);

async fn every_way_to_drop_a_call_in_flight_sends_one_cancel_frame(wire: Wire) {
    let (pair, client, worker) = pair(wire);
    drop_after(client.plain(10_000), ms(10)).await;
    tokio::select! {
        _ = client.plain(10_000) => panic!("the call has not ended"),
        () = sleep(ms(10)) => {}
    }
    let task = tokio::spawn(client.plain(10_000));
    sleep(ms(10)).await;
    task.abort();
    let mut tasks = JoinSet::new();
    (0..7).for_each(|_| drop(tasks.spawn(client.at_least(10_000))));
    sleep(ms(10)).await;
    drop(tasks);
    sleep(ms(10)).await;
    assert_eq!((pair.caller.stats().calls.cancels_sent, worker.ends()), (10, vec![false; 10]));
    assert_eq!(pair.server.stats().requests.cancels_received, 10);
}

async fn call_that_needs_no_cancel_frame_sends_none(wire: Wire) {
    let (pair, client, _) = pair(wire);
    assert_eq!(client.plain(5).await.unwrap(), 5);
    drop(client.plain(5));
    client.oneway(5).await.unwrap();
    assert!(client.plain(10_000).timeout(ms(50)).await.unwrap_err().is_timeout());
    drop_after(client.plain(10_000).omit_deadline(), ms(50)).await;
    // The response has arrived, and the call has not been polled since.
    let mut call = client.quick();
    let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await;
    assert!(polled.is_pending());
    sleep(ms(50)).await;
    drop(call);
    sleep(ms(50)).await;
    assert_eq!(pair.caller.stats().calls.cancels_sent, 0);
    let stats = pair.server.stats();
    assert_eq!((stats.requests.cancels_received, stats.dropped(DropReason::UnmatchedCancel)), (0, 0));
}

async fn endpoint_with_send_cancels_off_sends_none(wire: Wire) {
    let (pair, client, worker) = pair_with(wire, 1, |builder| builder, Endpoint::builder().send_cancels(false));
    drop_after(client.plain(100), ms(50)).await;
    sleep(ms(100)).await;
    assert_eq!((pair.caller.stats().calls.cancels_sent, worker.ends()), (0, vec![true]));
    if wire == Wire::Plain {
        assert_eq!(pair.caller.stats().datagrams.sent, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn storj_dialect_has_no_cancel_frames() {
    let storj = |builder: Builder| builder.dialect(Dialect::Storj);
    let (pair, client, worker) = pair_with(Wire::Plain, 1, storj, storj(Endpoint::builder()));
    drop_after(client.plain(100), ms(50)).await;
    sleep(ms(100)).await;
    assert_eq!((pair.caller.stats().datagrams.sent, worker.ends()), (1, vec![true]));
    let node = pair.network.bind("192.0.2.1:7000").unwrap();
    send(&node, pair.server.local_addr(), &cancel([7; 20]));
    sleep(ms(10)).await;
    assert_eq!(pair.server.stats().dropped(DropReason::OtherDialect), 1);
}

#[tokio::test(start_paused = true)]
async fn cancel_frame_of_another_source_or_id_does_nothing() {
    for method in ["plain", "at_least", "at_most"] {
        let raw = Raw::new();
        let [caller, other] = [1, 2].map(|host| raw.node(host));
        assert!(raw.exchange(&caller, &with_remaining([7; 20], method, 100)).await.is_empty());
        for forged in [cancel([7; 20]), cancel([8; 20])] {
            assert!(raw.exchange(&other, &forged).await.is_empty(), "no response");
        }
        assert!(raw.exchange(&caller, &cancel([8; 20])).await.is_empty());
        assert!(raw.exchange(&caller, &[&[5][..], &[7; 20], b"\x90"].concat()).await.is_empty());
        sleep(ms(200)).await;
        let stats = raw.server.stats();
        assert_eq!((raw.worker.ends(), raw.worker.runs()[0].cancelled), (vec![true], None), "{method}");
        assert_eq!((stats.requests.cancels_received, stats.dropped(DropReason::UnmatchedCancel)), (0, 3));
        assert_eq!(stats.dropped(DropReason::WrongShape), 1);
        assert_eq!(receive(&caller).await.len(), 1, "the response");
    }
}

#[tokio::test(start_paused = true)]
async fn request_without_a_remaining_time_cannot_be_cancelled() {
    let raw = Raw::new();
    let caller = raw.node(1);
    assert!(raw.exchange(&caller, &request([7; 20], "plain", &[&100_u64])).await.is_empty());
    assert!(raw.exchange(&caller, &cancel([7; 20])).await.is_empty());
    sleep(ms(200)).await;
    assert_eq!(raw.worker.ends(), [true], "its id may be weak, so the frame may be forged");
    assert_eq!(raw.exchange(&caller, &request([7; 20], "plain", &[&0_u64])).await.len(), 1, "and it runs again");
}

#[tokio::test(start_paused = true)]
async fn request_that_its_cancel_frame_overtakes_does_not_run() {
    let raw = Raw::new();
    let [caller, other] = [1, 2].map(|host| raw.node(host));
    for (id, method) in [([7; 20], "plain"), ([8; 20], "at_least"), ([9; 20], "at_most")] {
        raw.exchange(&caller, &cancel(id)).await;
        for _ in 0..3 {
            assert!(raw.exchange(&caller, &with_remaining(id, method, 0)).await.is_empty(), "{method}");
        }
    }
    assert!(raw.worker.runs().is_empty());
    let stats = raw.server.stats();
    // A duplicate of a request that must not run twice is recognized as such.
    assert_eq!((stats.requests.cancelled, stats.dropped(DropReason::DuplicateRequest)), (7, 2));
    assert_eq!((stats.requests.running, stats.dropped(DropReason::UnmatchedCancel)), (0, 3));
    // The same id of another caller is another request.
    assert_eq!(raw.exchange(&other, &with_remaining([7; 20], "plain", 0)).await.len(), 1);
    // A sync method has no handler to cancel.
    raw.exchange(&caller, &cancel([6; 20])).await;
    assert_eq!(raw.exchange(&caller, &with_remaining([6; 20], "quick", 0)).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_a_cancelled_request_does_not_run() {
    for (method, delay) in [("plain", 0), ("plain", 50), ("at_least", 0), ("at_least", 50)] {
        let raw = Raw::new();
        let caller = raw.node(1);
        let datagram = with_remaining([7; 20], method, 1_000);
        raw.exchange(&caller, &datagram).await;
        sleep(ms(delay)).await;
        raw.exchange(&caller, &cancel([7; 20])).await;
        for _ in 0..3 {
            assert!(raw.exchange(&caller, &datagram).await.is_empty(), "{method}, {delay} ms");
        }
        assert_eq!(raw.worker.ends(), [false], "{method}, {delay} ms");
        assert_eq!(raw.server.stats().requests.cancels_received, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn duplicates_of_a_plain_request_are_cancelled_together() {
    let raw = Raw::new();
    let caller = raw.node(1);
    let datagram = with_remaining([7; 20], "plain", 1_000);
    for _ in 0..3 {
        raw.exchange(&caller, &datagram).await;
    }
    raw.exchange(&caller, &cancel([7; 20])).await;
    assert_eq!((raw.worker.ends(), raw.server.stats().requests.cancelled), (vec![false; 3], 3));
}

#[tokio::test(start_paused = true)]
async fn duplicate_of_a_cancelled_at_most_once_request_gets_its_response() {
    let raw = Raw::new();
    let caller = raw.node(1);
    let datagram = with_remaining([7; 20], "at_most", 100);
    raw.exchange(&caller, &datagram).await;
    raw.exchange(&caller, &cancel([7; 20])).await;
    raw.exchange(&caller, &cancel([7; 20])).await;
    sleep(ms(200)).await;
    let response = receive(&caller).await;
    assert_eq!(response.len(), 1);
    assert_eq!(raw.exchange(&caller, &datagram).await, response);
    let stats = raw.server.stats();
    assert_eq!((raw.worker.ends(), stats.requests.cancels_received), (vec![true], 1));
    assert_eq!(stats.dropped(DropReason::UnmatchedCancel), 1, "the second frame");
}
