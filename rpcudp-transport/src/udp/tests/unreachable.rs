use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::sync::atomic::Ordering;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use tokio::time::timeout;

#[cfg(target_os = "linux")]
use super::{bind, poll_receive};
use super::{receive, send};
#[cfg(target_os = "linux")]
use crate::udp::{error_budget::ErrorBudget, error_queue::ErrorQueue};
use crate::{Transport, Udp, UdpOptions};

/// Returns an address whose port was free a moment ago.
fn closed_port() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn datagram_to_a_closed_port_is_reported_as_unreachable() {
    let a = bind("127.0.0.1:0");
    let both = bind("[::]:0");
    for socket in [a, both] {
        let destination = closed_port();
        send(&socket, destination, b"is anybody there?").await;
        let batch = receive(&socket).await;
        let unreachable: Vec<_> = batch.unreachable().map(|report| (report.destination, report.contents)).collect();
        assert_eq!(unreachable, [(destination, &b"is anybody there?"[..])]);
        assert_eq!(batch.len(), 0);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unreachable_datagram_does_not_affect_others() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let closed = closed_port();
    let (mut received, mut unreachable) = (0, 0);
    for number in 0..100_u8 {
        // The kernel reports the error of the first send to the next operation. The second datagram
        // must be sent nevertheless.
        send(&a, closed, &[number]).await;
        send(&a, b.local_addr(), &[number]).await;
        send(&b, a.local_addr(), &[number]).await;
        let batch = receive(&b).await;
        assert_eq!(batch.iter().next().unwrap().contents, [number]);
    }
    while received < 100 || unreachable < 100 {
        let batch = receive(&a).await;
        received += batch.len();
        unreachable += batch.unreachable().count();
    }
    assert_eq!((received, unreachable), (100, 100));
}

#[tokio::test]
async fn unreachable_datagrams_are_not_reported_if_disabled() {
    let options = UdpOptions::default().report_unreachable(false);
    let a = Udp::bind("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    send(&a, closed_port(), b"is anybody there?").await;
    send(&a, a.local_addr(), b"I am").await;
    let batch = receive(&a).await;
    assert_eq!((batch.len(), batch.unreachable().count()), (1, 0));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn flood_of_errors_does_not_hold_up_datagrams_and_is_cut_off() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let closed = closed_port();
    let mut unreachable_count = 0;
    let mut sent_count = 0;
    let began = Instant::now();
    while !a.socket.socket.discards_errors.load(Ordering::Relaxed) {
        // As many as fit the receive buffer, which errors and datagrams share.
        for _ in 0..100 {
            send(&a, closed, b"is anybody there?").await;
        }
        sent_count += 100;
        if sent_count >= 20_000 {
            let refilled = (ErrorBudget::PER_SECOND as f64 * began.elapsed().as_secs_f64()) as usize;
            assert!(unreachable_count < ErrorBudget::BURST + refilled, "the errors are never cut off");
            return println!("SKIPPED: the host is too busy for a flood of errors");
        }
        send(&b, a.local_addr(), b"datagram").await;
        // The first receive after the runtime has seen the datagram's arrival returns it.
        let mut datagram_count = 0;
        for _ in 0..2 {
            let batch = receive(&a).await;
            assert!(batch.unreachable().count() <= ErrorQueue::MAX_READ_COUNT);
            unreachable_count += batch.unreachable().count();
            datagram_count += batch.len();
            if datagram_count > 0 {
                break;
            }
        }
        assert_eq!(datagram_count, 1, "errors hold up the datagram");
        while let Ok(batch) = timeout(Duration::ZERO, poll_receive(&a)).await {
            unreachable_count += batch.unreachable().count();
        }
    }
    assert!(unreachable_count >= ErrorBudget::BURST, "{unreachable_count} errors were reported");
    // Now the kernel discards them, and datagrams arrive as before.
    send(&a, closed, b"is anybody there?").await;
    send(&b, a.local_addr(), b"datagram").await;
    let batch = receive(&a).await;
    assert_eq!((batch.len(), batch.unreachable().count()), (1, 0));
    // Half a budget later, the next send is reported again.
    tokio::time::sleep(Duration::from_millis(300)).await;
    send(&a, closed, b"is anybody there?").await;
    assert_eq!(receive(&a).await.unreachable().count(), 1);
}
