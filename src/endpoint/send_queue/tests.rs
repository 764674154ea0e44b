use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};

use rpcudp_transport::ReceiveBatch;

use super::*;

/// Takes as many datagrams as it has room for; refuses those to port 1.
#[derive(Debug, Default)]
struct Narrow {
    room: AtomicUsize,
    sent: Mutex<Vec<Vec<u8>>>,
}

impl Transport for Narrow {
    fn poll_receive(&self, _: &mut Context<'_>, _: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        if datagram.destination.port() == 1 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let room = self.room.load(Ordering::SeqCst);
        self.room.store(room.checked_sub(1).ok_or(io::ErrorKind::WouldBlock)?, Ordering::SeqCst);
        self.sent.lock().unwrap().push(datagram.contents.to_vec());
        Ok(())
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn local_addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], 7).into()
    }
}

struct Setup {
    narrow: Arc<Narrow>,
    outbox: Outbox,
    leaving: Leaving,
    blamed: Vec<Option<MessageId>>,
}

impl Setup {
    fn new(room: usize) -> Self {
        let narrow = Arc::new(Narrow { room: AtomicUsize::new(room), ..Narrow::default() });
        let transport: Arc<dyn Transport> = Arc::clone(&narrow) as _;
        let outbox = Outbox::new(Arc::downgrade(&transport), Arc::default());
        Self { narrow, outbox, leaving: Leaving::default(), blamed: Vec::new() }
    }

    fn post(&self, port: u16, contents: &[u8], leave: Leave) -> io::Result<()> {
        let destination = ([127, 0, 0, 1], port).into();
        self.outbox.post(Datagram { destination, source: None, contents }, Some(id(port)), leave)
    }

    fn send(&mut self) -> io::Result<()> {
        let Self { narrow, outbox, leaving, blamed } = self;
        leaving.send(outbox, &**narrow, |call, _| blamed.push(call))
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.narrow.sent.lock().unwrap().clone()
    }
}

fn id(port: u16) -> MessageId {
    MessageId::from_bytes([port as u8; 20])
}

#[test]
fn what_leaves_alone_leaves_at_once_if_there_is_room() {
    let mut setup = Setup::new(1);
    setup.post(2, b"one", Leave::Alone).unwrap();
    setup.post(2, b"two", Leave::Alone).unwrap();
    assert_eq!(setup.sent(), [b"one"]);
    assert!(setup.outbox.is_expected(), "the driver is to send the other");
    assert!(setup.send().is_err());
    setup.narrow.room.store(1, Ordering::SeqCst);
    setup.send().unwrap();
    assert_eq!(setup.sent(), [b"one", b"two"]);
}

#[test]
fn what_leaves_with_others_waits_for_the_driver() {
    let mut setup = Setup::new(10);
    for contents in [b"one", b"two"] {
        setup.post(2, contents, Leave::WithOthers).unwrap();
    }
    assert!(setup.sent().is_empty() && setup.outbox.is_expected() && !setup.outbox.is_empty());
    setup.send().unwrap();
    assert_eq!(setup.sent(), [b"one", b"two"]);
    assert!(setup.outbox.is_empty() && !setup.outbox.is_expected() && setup.leaving.is_done());
}

#[test]
fn order_is_kept_over_a_full_socket() {
    let mut setup = Setup::new(0);
    for number in 0..10_u8 {
        setup.post(2, &[number], Leave::WithOthers).unwrap();
    }
    for room in [3, 0, 4, 1] {
        setup.narrow.room.store(room, Ordering::SeqCst);
        assert!(setup.send().is_err());
    }
    setup.post(2, &[10], Leave::WithOthers).unwrap();
    setup.narrow.room.store(10, Ordering::SeqCst);
    setup.send().unwrap();
    assert_eq!(setup.sent(), (0..11).map(|number| vec![number]).collect::<Vec<_>>());
}

#[test]
fn one_that_cannot_be_sent_is_blamed_and_stops_no_other() {
    let mut setup = Setup::new(10);
    for port in [2, 1, 3, 1] {
        setup.post(port, &[port as u8], Leave::WithOthers).unwrap();
    }
    setup.send().unwrap();
    assert_eq!(setup.sent(), [[2], [3]]);
    assert_eq!(setup.blamed, [Some(id(1)), Some(id(1))]);
    assert_eq!(setup.post(1, b"x", Leave::Alone).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn answers_wait_in_less_room_than_requests() {
    let setup = Setup::new(0);
    let contents = vec![0; 1 << 16];
    let destination = ([127, 0, 0, 1], 2).into();
    let answer = || setup.outbox.post(Datagram { destination, source: None, contents: &contents }, None, Leave::Alone);
    assert_eq!((0..).take_while(|_| answer().is_ok()).count(), 64, "four mebibytes");
    assert_eq!(answer().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    setup.post(2, &contents, Leave::Alone).unwrap();
    assert_eq!(answer().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn without_a_socket_nothing_is_sent() {
    let Setup { narrow, outbox, .. } = Setup::new(1);
    drop(narrow);
    let datagram = Datagram { destination: ([127, 0, 0, 1], 2).into(), source: None, contents: b"x" };
    assert_eq!(outbox.post(datagram, None, Leave::Alone).unwrap_err().kind(), io::ErrorKind::NotConnected);
}
