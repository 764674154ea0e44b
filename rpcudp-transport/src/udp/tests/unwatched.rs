use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::{bind, poll_receive, receive, send};
use crate::{ReceiveBatch, Transport, Udp};

/// Sends as many datagrams as four full receives take.
async fn send_burst(from: &Udp, to: &Udp) {
    for number in 0..128_u8 {
        send(from, to.local_addr(), &[number]).await;
    }
}

/// Receives until the socket is unwatched, and returns the number of datagrams.
async fn receive_until_unwatched(at: &Udp) -> usize {
    let mut count = 0;
    while at.socket.socket.is_watched() {
        count += receive(at).await.len();
        assert!(count < 128, "the burst has ended, and the socket is watched");
    }
    count
}

#[tokio::test]
async fn loaded_socket_is_unwatched_until_it_is_empty() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    for _ in 0..40 {
        send_burst(&a, &b).await;
        let mut count = receive_until_unwatched(&b).await;
        while count < 128 {
            count += receive(&b).await.len();
        }
        // The empty socket is watched again, and wakes its task.
        let mut batch = ReceiveBatch::new();
        let polled = poll_fn(|cx| Poll::Ready(b.poll_receive(cx, &mut batch))).await;
        assert!(polled.is_pending() && b.socket.socket.is_watched());
        yield_now().await;
        send(&a, b.local_addr(), b"wake up").await;
        assert_eq!(receive(&b).await.iter().next().unwrap().contents, b"wake up");
    }
}

#[tokio::test]
async fn no_wake_up_is_lost_when_the_socket_is_watched_again() {
    let b = bind("127.0.0.1:0");
    let addr = b.local_addr();
    let received_count = Arc::new(AtomicUsize::new(0));
    let (started, mut bursts) = unbounded_channel();
    let sender = thread::spawn({
        let received_count = Arc::clone(&received_count);
        move || {
            let a = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let send = |len| (0..len).for_each(|_| assert_eq!(a.send_to(b"datagram", addr).unwrap(), 8));
            let mut sent_count = 0;
            for number in 0..600 {
                // The first datagrams wait in the socket and make it unwatched. The rest arrives
                // while they are received, and ends at another moment of a receive each time.
                let rest_len = number * 7 % 100;
                sent_count += 128 + rest_len;
                send(128);
                started.send(sent_count).unwrap();
                send(rest_len);
                while received_count.load(Ordering::Relaxed) < sent_count && Arc::strong_count(&received_count) > 1 {
                    thread::yield_now();
                }
            }
            sent_count
        }
    });
    let (mut total, mut unwatched_count) = (0, 0);
    while let Some(burst_end) = bursts.recv().await {
        let mut is_unwatched = false;
        while total < burst_end {
            let received = timeout(Duration::from_secs(10), poll_receive(&b)).await;
            let batch = received.expect("a datagram waited in the socket");
            total += batch.len();
            received_count.store(total, Ordering::Relaxed);
            is_unwatched |= !b.socket.socket.is_watched();
        }
        unwatched_count += usize::from(is_unwatched);
    }
    assert_eq!(sender.join().unwrap(), total);
    assert_eq!(unwatched_count, 600);
}

#[tokio::test]
async fn unreachable_datagrams_are_reported_while_the_socket_is_unwatched() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let closed = bind("127.0.0.1:0").local_addr();
    for _ in 0..10 {
        send_burst(&a, &b).await;
        let mut count = receive_until_unwatched(&b).await;
        send(&b, closed, b"is anybody there?").await;
        let batch = receive(&b).await;
        assert!(!b.socket.socket.is_watched());
        assert!(batch.unreachable().map(|report| report.contents).eq([b"is anybody there?"]), "{batch:?}");
        count += batch.len();
        while count < 128 {
            count += receive(&b).await.len();
        }
        // The report about the next one has to wake the task.
        send(&b, closed, b"is anybody there now?").await;
        let batch = receive(&b).await;
        assert!(batch.unreachable().map(|report| report.contents).eq([b"is anybody there now?"]), "{batch:?}");
    }
}
