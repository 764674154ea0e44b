use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::timeout;

use super::{bind, receive};
use crate::udp::recv_mode::{RecvMode, RecvModeSelector, disable_gro, enable_gro};
use crate::{Datagram, ReceiveBatch, SendBatch, Transport, Udp};

fn send(from: &Udp, to: &Udp, contents: &[u8]) {
    from.try_send(Datagram { destination: to.local_addr(), source: None, contents }).unwrap();
}

/// Receives one datagram, and checks that the socket has no other.
async fn receive_alone(at: &Udp, contents: &[u8]) {
    assert!(receive(at).await.iter().map(|received| received.contents).eq([contents]));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(at.poll_receive(&mut cx, &mut ReceiveBatch::new()).is_pending());
}

#[tokio::test]
async fn datagrams_arrive_as_they_were_sent_while_the_mode_changes() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    for round in 0..3_u8 {
        assert_eq!(b.receiver.mode_selector.mode(), RecvMode::Single);
        for count in 0..10 {
            send(&a, &b, &[round, count]);
            receive_alone(&b, &[round, count]).await;
        }
        let mut burst = SendBatch::new();
        for index in 0..64 {
            burst.push(Datagram { destination: b.local_addr(), source: None, contents: &[index; 100] });
        }
        assert_eq!(a.try_send_batch(&burst, 0).unwrap(), 64);
        let mut index = 0;
        while index < 64 {
            for received in receive(&b).await.iter() {
                assert_eq!(received.contents, [index; 100]);
                index += 1;
            }
        }
        assert_ne!(b.receiver.mode_selector.mode(), RecvMode::Single);
        for count in 0..2 * RecvModeSelector::SINGLE_STREAK {
            send(&a, &b, &count.to_be_bytes());
            receive_alone(&b, &count.to_be_bytes()).await;
        }
    }
}

#[tokio::test]
async fn coalesced_datagrams_are_not_taken_for_one_when_the_mode_changes() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    enable_gro(&b.socket.socket);
    let mut burst = SendBatch::new();
    for index in 0..64 {
        burst.push(Datagram { destination: b.local_addr(), source: None, contents: &[index; 100] });
    }
    assert_eq!(a.try_send_batch(&burst, 0).unwrap(), 64);
    assert!(!disable_gro(&b.socket.socket));
    b.receiver.mode_selector.is_single.store(false, Ordering::Relaxed);
    assert!(receive(&b).await.len() > 1);
}

#[tokio::test]
async fn poll_arrival_waits_for_the_next_datagram_and_loses_none_received_before() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    for round in 0..3 {
        send(&a, &b, b"first");
        send(&a, &b, b"second");
        assert!(receive(&b).await.iter().map(|received| received.contents).eq([b"first"]));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(b.poll_arrival(&mut cx).is_pending(), "round {round}");
        let mut arrival = pin!(poll_fn(|cx| b.poll_arrival(cx)));
        if round < 2 {
            assert!(timeout(Duration::from_millis(20), arrival.as_mut()).await.is_err());
            send(&a, &b, b"third");
            timeout(Duration::from_secs(10), arrival).await.unwrap();
        }
        let mut left = Vec::new();
        let mut batch = ReceiveBatch::new();
        while let Poll::Ready(received) = b.poll_receive(&mut cx, &mut batch) {
            received.unwrap();
            left.extend(batch.iter().map(|received| received.contents.to_vec()));
        }
        assert_eq!(left, if round < 2 { vec![&b"second"[..], b"third"] } else { vec![&b"second"[..]] });
        // tokio still has an event for the last datagram, but the socket is empty.
        timeout(Duration::from_millis(20), poll_fn(|cx| b.poll_receive(cx, &mut batch))).await.unwrap_err();
        for _ in 0..2 * RecvModeSelector::SINGLE_STREAK {
            send(&a, &b, b"one");
            receive_alone(&b, b"one").await;
        }
    }
}

#[tokio::test]
async fn receiving_without_a_pause_yields_to_other_tasks() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let (mut count, mut seen) = (0, 0);
    let mut burst = SendBatch::new();
    for _ in 0..64 {
        burst.push(Datagram { destination: b.local_addr(), source: None, contents: b"more" });
    }
    // Sends before each receive, so that the socket never runs empty.
    let flood = poll_fn(|cx| {
        let mut batch = ReceiveBatch::new();
        while count < 100_000 {
            // One by one, so that each datagram fills a buffer of its own.
            (0..64).for_each(|index| drop(a.try_send(burst.datagram(index))));
            match b.poll_receive(cx, &mut batch) {
                Poll::Ready(received) => received.unwrap(),
                Poll::Pending => return Poll::Pending,
            }
            count += batch.len();
        }
        Poll::Ready(())
    });
    let others = async {
        for _ in 0..5 {
            tokio::task::yield_now().await;
            seen += 1;
        }
    };
    tokio::select! {
        () = flood => {}
        () = others => {}
    }
    assert_eq!(seen, 5, "{count} datagrams were received meanwhile");
}
