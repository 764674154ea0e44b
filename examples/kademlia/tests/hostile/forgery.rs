use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp_kademlia::Config;

use crate::liar::{network, node};

/// What a stranger sends who does not answer, and how many bytes come back to it.
struct Forger {
    place: rpcudp::sim::Node,
    sent_len: usize,
    got_len: usize,
}

impl Forger {
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
        self.place.try_send(Datagram { destination: to, source: None, contents: &contents }).unwrap();
    }

    async fn listen(&mut self, time: Duration) {
        let mut batch = ReceiveBatch::new();
        let until = tokio::time::Instant::now() + time;
        while let Ok(received) =
            tokio::time::timeout_at(until, poll_fn(|cx| self.place.poll_receive(cx, &mut batch))).await
        {
            received.unwrap();
            self.got_len += batch.iter().map(|datagram| datagram.contents.len()).sum::<usize>();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_forged_sender_stores_nothing_and_is_not_stormed() {
    let network = network();
    let node = node(&network, "20.0.0.1:7000", Config::default());
    let place = network.bind("203.0.113.1:7000").unwrap();
    let mut forger = Forger { place, sent_len: 0, got_len: 0 };
    for number in 0..200_u8 {
        forger.send(node.local_addr(), "store", &[&[number; 20], &[number; 20], &[7; 100]]);
        forger.send(node.local_addr(), "ping", &[&[number; 20]]);
        forger.listen(Duration::from_millis(10)).await;
    }
    forger.listen(Duration::from_secs(10)).await;
    assert_eq!((node.value_count(), node.contact_count()), (0, 0));
    assert_eq!(node.stats().unvalidated_stores, 200);
    assert!(node.stats().dropped_checks > 100, "{:?}", node.stats());
    assert!(forger.got_len < forger.sent_len, "{} bytes for {}", forger.got_len, forger.sent_len);
}
