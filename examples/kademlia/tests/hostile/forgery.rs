use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp_kademlia::{Config, Key, Node};

use crate::hostile_node::{network, node};

/// A forged source address, with the number of bytes sent in its name and received by it.
struct ForgedSource {
    socket: rpcudp::sim::Node,
    sent_len: usize,
    received_len: usize,
}

impl ForgedSource {
    fn send(&mut self, to: SocketAddr, method: &str, arguments: &[&[u8]]) {
        let mut contents = vec![0];
        contents.extend([self.sent_len as u8; 20]);
        contents.extend([0x92, 0xa0 + method.len() as u8]);
        contents.extend(method.as_bytes());
        contents.push(0x90 + arguments.len() as u8);
        for argument in arguments {
            contents.extend([0xc4, argument.len() as u8]);
            contents.extend(*argument);
        }
        self.sent_len += contents.len();
        self.socket.try_send(Datagram { destination: to, source: None, contents: &contents }).unwrap();
    }

    async fn listen(&mut self, time: Duration) {
        let mut batch = ReceiveBatch::new();
        let until = tokio::time::Instant::now() + time;
        while let Ok(received) =
            tokio::time::timeout_at(until, poll_fn(|cx| self.socket.poll_receive(cx, &mut batch))).await
        {
            received.unwrap();
            self.received_len += batch.iter().map(|datagram| datagram.contents.len()).sum::<usize>();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_forged_source_stores_nothing_and_receives_less_than_was_sent() {
    let network = network();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    let socket = network.bind("203.0.113.1:7000").unwrap();
    let mut forged = ForgedSource { socket, sent_len: 0, received_len: 0 };
    for number in 0..200_u8 {
        forged.send(node.local_addr(), "store", &[&[number; 20], &[number; 20], &[7; 100]]);
        forged.send(node.local_addr(), "ping", &[&[number; 20]]);
        forged.listen(Duration::from_millis(10)).await;
    }
    forged.listen(Duration::from_secs(10)).await;
    assert_eq!((node.value_count(), node.contact_count()), (0, 0));
    assert_eq!(node.stats().unvalidated_stores, 200);
    assert!(node.stats().dropped_checks > 100, "{:?}", node.stats());
    assert!(forged.received_len < forged.sent_len, "{} bytes received, {} sent", forged.received_len, forged.sent_len);
}

/// The number of bytes that leave for each forged request, apart from contacts.
#[tokio::test(start_paused = true)]
async fn a_forged_source_receives_no_more_than_was_sent_for_any_method() {
    let network = network();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    let holder = Node::builder().bind_transport(network.bind("30.0.0.1:1").unwrap()).unwrap();
    holder.bootstrap(&[node.local_addr()]).await.unwrap();
    let key = Key::of("large");
    holder.set(key, vec![7; 8_000]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(node.value_count(), 1);
    // The response to `find_value` has one contact, of 40 bytes.
    let contact_len = 40;
    let id = [9; 20];
    let requests: [(&str, &[&[u8]], usize); 5] = [
        ("ping", &[&id], 0),
        ("store", &[&id, &[8; 20], b""], 0),
        ("store", &[&id, &[8; 20], &[7; 200]], 0),
        ("find_value", &[&id, key.as_bytes()], contact_len),
        ("find_node", &[&id, &[8; 20]], contact_len),
    ];
    for (number, (method, arguments, contacts_len)) in requests.into_iter().enumerate() {
        for count in [1, 20] {
            let socket = network.bind(&*format!("203.0.{}.{count}:7000", 100 + number)).unwrap();
            let mut forged = ForgedSource { socket, sent_len: 0, received_len: 0 };
            for _ in 0..count {
                forged.send(node.local_addr(), method, arguments);
                forged.listen(Duration::from_millis(100)).await;
            }
            forged.listen(Duration::from_secs(10)).await;
            let limit = forged.sent_len + count * contacts_len;
            assert!(forged.received_len > 0, "{method}");
            assert!(forged.received_len <= limit, "{count} {method}: {} of {limit}", forged.received_len);
        }
    }
}
