use std::future::poll_fn;

use super::{bind, receive, send};
use crate::{Datagram, SendBatch, Transport, Udp, UdpOptions};

#[tokio::test]
async fn datagrams_arrive_in_batches_with_both_addresses() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let sent: Vec<_> = (0..100_usize).map(|len| vec![len as u8; len * 600]).collect();
    for contents in &sent {
        send(&a, b.local_addr(), contents).await;
    }
    let mut received = Vec::new();
    let mut batch_count = 0;
    while received.len() < sent.len() {
        let batch = receive(&b).await;
        batch_count += 1;
        for datagram in batch.iter() {
            assert_eq!((datagram.source, datagram.local), (a.local_addr(), Some("127.0.0.1".parse().unwrap())));
            received.push(datagram.contents.to_vec());
        }
    }
    assert_eq!(received, sent);
    assert!(batch_count <= 50, "{batch_count} batches for 100 datagrams");
}

#[tokio::test]
async fn batch_arrives_as_it_was_sent_with_any_segmentation() {
    let (a, b, c) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let lens = [62; 200].into_iter().chain([10, 62, 62, 0, 5, 8_000, 8_000, 8_000, 65_507, 1_000, 1_000, 999, 1_000]);
    let mut batch = SendBatch::new();
    for (number, len) in lens.enumerate() {
        for destination in [b.local_addr(), c.local_addr()].into_iter().take(1 + usize::from(number % 10 == 0)) {
            batch.push(Datagram { destination, source: None, contents: &vec![number as u8; len] });
        }
    }
    send_to_all(&a, &batch, [b, c]).await;
}

#[tokio::test]
async fn gathered_batch_arrives_in_the_order_of_each_peer() {
    let (a, b, c) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    let mut batch = SendBatch::new();
    for number in 0..200_u8 {
        let destination = [&b, &c][usize::from(number % 2)].local_addr();
        batch.push(Datagram { destination, source: None, contents: &vec![number; 1 + usize::from(number / 8 % 5)] });
    }
    assert_eq!(a.gathers(), a.socket.state.max_gso_segments() > 1);
    assert_eq!(batch.gather().map(Iterator::count), Some(200));
    send_to_all(&a, &batch, [b, c]).await;
}

/// Sends a batch, and checks that each receiver gets its datagrams in their order.
async fn send_to_all(from: &Udp, batch: &SendBatch, receivers: [Udp; 2]) {
    let mut sent = 0;
    while sent < batch.len() {
        match from.try_send_batch(batch, sent) {
            Ok(count) => sent += count,
            Err(_) => poll_fn(|cx| from.poll_writable(cx)).await.unwrap(),
        }
    }
    for receiver in receivers {
        let to_receiver = batch.iter().filter(|datagram| datagram.destination == receiver.local_addr());
        let expected: Vec<_> = to_receiver.map(|datagram| datagram.contents).collect();
        let mut received = Vec::new();
        while received.len() < expected.len() {
            received.extend(receive(&receiver).await.iter().map(|datagram| datagram.contents.to_vec()));
        }
        assert_eq!(received, expected);
    }
}

#[tokio::test]
async fn largest_datagram_is_sent_and_a_larger_one_is_an_error() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    send(&a, b.local_addr(), &[1; 65_507]).await;
    assert_eq!(receive(&b).await.iter().next().unwrap().contents, [1; 65_507]);
    let datagram = |contents| Datagram { destination: b.local_addr(), source: None, contents };
    assert!(a.try_send(datagram(&[1; 65_508])).is_err());
    // The error of one datagram does not affect the others of its batch.
    let mut batch = SendBatch::new();
    for contents in [&b"small"[..], &[1; 65_508], b"large"] {
        batch.push(datagram(contents));
    }
    assert_eq!(a.try_send_batch(&batch, 0).unwrap(), 1);
    assert!(a.try_send_batch(&batch, 1).is_err());
    assert_eq!(a.try_send_batch(&batch, 2).unwrap(), 1);
    assert_eq!(receive(&b).await.iter().next().unwrap().contents, b"small");
}

#[tokio::test]
async fn empty_datagram_is_received() {
    let (a, b) = (bind("127.0.0.1:0"), bind("127.0.0.1:0"));
    send(&a, b.local_addr(), b"").await;
    assert_eq!(receive(&b).await.iter().next().unwrap().contents, b"");
}

#[tokio::test]
async fn sender_waits_for_a_full_send_buffer() {
    let options = UdpOptions::default().send_buffer(1);
    let a = Udp::bind("127.0.0.1:0".parse().unwrap(), &options).unwrap();
    let b = bind("127.0.0.1:0");
    // On loopback a sent datagram moves to the receive buffer at once, and is lost if that is full.
    // This test shows only that the sender neither fails nor spins.
    for _ in 0..2_000 {
        send(&a, b.local_addr(), &[0; 1_000]).await;
    }
    assert!(!receive(&b).await.is_empty());
}
