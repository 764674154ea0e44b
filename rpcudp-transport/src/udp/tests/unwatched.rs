use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::timeout;

use super::{bind, poll_receive, receive, send};
use crate::{ReceiveBatch, Transport, Udp};

fn burst_lens() -> impl Iterator<Item = usize> {
    (0..600).map(|number| 1 + number * 7 % 200)
}

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
    let sender = thread::spawn({
        let received_count = Arc::clone(&received_count);
        move || {
            let a = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let mut sent_count = 0;
            // Bursts that end at other moments of a receive each time.
            for len in burst_lens() {
                (0..len).for_each(|_| assert_eq!(a.send_to(b"datagram", addr).unwrap(), 8));
                sent_count += len;
                while received_count.load(Ordering::Relaxed) < sent_count && Arc::strong_count(&received_count) > 1 {
                    thread::yield_now();
                }
            }
            sent_count
        }
    });
    let mut unwatched_count = 0;
    while received_count.load(Ordering::Relaxed) < burst_lens().sum() {
        let Ok(batch) = timeout(Duration::from_secs(10), poll_receive(&b)).await else { break };
        received_count.fetch_add(batch.len(), Ordering::Relaxed);
        unwatched_count += usize::from(!b.socket.socket.is_watched());
    }
    let total = received_count.load(Ordering::Relaxed);
    drop(received_count);
    assert_eq!(sender.join().unwrap(), total, "a datagram waited in the socket");
    assert!(unwatched_count > 0);
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
