use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};
use std::time::Duration;

use rpcudp_transport::ReceiveBatch;

use super::flush::Flush;
use super::*;

/// A transport with room for a set number of datagrams, which gathers. Refuses those to port 1.
#[derive(Debug, Default)]
struct LimitedTransport {
    room: AtomicUsize,
    sent: Mutex<Vec<Vec<u8>>>,
}

impl Transport for LimitedTransport {
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

    fn gathers(&self) -> bool {
        true
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn local_addr(&self) -> SocketAddr {
        ([127, 0, 0, 1], 7).into()
    }
}

struct Setup {
    transport: Arc<LimitedTransport>,
    queue: SendQueue,
    flush: Flush,
    failed: Vec<Option<MessageId>>,
}

impl Setup {
    fn new(room: usize) -> Self {
        let transport = Arc::new(LimitedTransport { room: AtomicUsize::new(room), ..LimitedTransport::default() });
        let erased: Arc<dyn Transport> = Arc::clone(&transport) as _;
        let queue = SendQueue::new(Arc::downgrade(&erased), Arc::default());
        Self { transport, queue, flush: Flush::default(), failed: Vec::new() }
    }

    fn queue_request(&self, port: u16, contents: &[u8], mode: SendMode) -> io::Result<()> {
        let destination = ([127, 0, 0, 1], port).into();
        self.queue.send(Datagram { destination, source: None, contents }, Some(id(port)), mode)
    }

    fn flush(&mut self) -> io::Result<()> {
        let Self { transport, queue, flush, failed } = self;
        flush.send(queue, &**transport, || None, |call, _| failed.push(call))
    }

    fn sent(&self) -> Vec<Vec<u8>> {
        self.transport.sent.lock().unwrap().clone()
    }
}

fn id(port: u16) -> MessageId {
    MessageId::from_bytes([port as u8; 20])
}

#[test]
fn an_immediate_datagram_is_sent_at_once_if_the_socket_has_room() {
    let mut setup = Setup::new(1);
    setup.queue_request(2, b"one", SendMode::Immediate).unwrap();
    setup.queue_request(2, b"two", SendMode::Immediate).unwrap();
    assert_eq!(setup.sent(), [b"one"]);
    assert!(setup.queue.is_flush_pending(), "the driver must send the other");
    assert!(setup.flush().is_err());
    setup.transport.room.store(1, Ordering::SeqCst);
    setup.flush().unwrap();
    assert_eq!(setup.sent(), [b"one", b"two"]);
}

#[test]
fn a_batched_datagram_waits_for_the_driver() {
    let mut setup = Setup::new(10);
    for contents in [b"one", b"two"] {
        setup.queue_request(2, contents, SendMode::Batched).unwrap();
    }
    assert!(setup.sent().is_empty() && setup.queue.is_flush_pending() && !setup.queue.is_empty());
    setup.flush().unwrap();
    assert_eq!(setup.sent(), [b"one", b"two"]);
    assert!(setup.queue.is_empty() && !setup.queue.is_flush_pending() && setup.flush.is_done());
}

#[test]
fn a_full_socket_does_not_change_the_order() {
    let mut setup = Setup::new(0);
    for number in 0..10_u8 {
        setup.queue_request(2, &[number], SendMode::Batched).unwrap();
    }
    for room in [3, 0, 4, 1] {
        setup.transport.room.store(room, Ordering::SeqCst);
        assert!(setup.flush().is_err());
    }
    setup.queue_request(2, &[10], SendMode::Batched).unwrap();
    setup.transport.room.store(10, Ordering::SeqCst);
    setup.flush().unwrap();
    assert_eq!(setup.sent(), (0..11).map(|number| vec![number]).collect::<Vec<_>>());
}

#[test]
fn one_that_cannot_be_sent_is_failed_and_stops_no_other() {
    let mut setup = Setup::new(10);
    for port in [2, 1, 3, 1] {
        setup.queue_request(port, &[port as u8], SendMode::Batched).unwrap();
    }
    setup.flush().unwrap();
    assert_eq!(setup.sent(), [[2], [3]]);
    assert_eq!(setup.failed, [Some(id(1)), Some(id(1))]);
    assert_eq!(setup.queue_request(1, b"x", SendMode::Immediate).unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn gathered_requests_are_failed_by_their_own_calls() {
    let mut setup = Setup::new(3);
    for number in 0..6 {
        let destination = ([127, 0, 0, 1], [2, 1][usize::from(number % 2)]).into();
        let datagram = Datagram { destination, source: None, contents: &[number as u8] };
        setup.queue.send(datagram, Some(id(number)), SendMode::Batched).unwrap();
    }
    setup.flush().unwrap();
    assert_eq!(setup.sent(), [[0], [2], [4]]);
    assert_eq!(setup.failed, [1, 3, 5].map(|number| Some(id(number))));
}

#[test]
fn responses_have_less_room_in_the_queue_than_requests() {
    let setup = Setup::new(0);
    let contents = vec![0; 1 << 16];
    let destination = ([127, 0, 0, 1], 2).into();
    let response =
        || setup.queue.send(Datagram { destination, source: None, contents: &contents }, None, SendMode::Immediate);
    assert_eq!((0..).take_while(|_| response().is_ok()).count(), 64, "4 MiB");
    assert_eq!(response().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    setup.queue_request(2, &contents, SendMode::Immediate).unwrap();
    assert_eq!(response().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn sending_without_a_socket_fails() {
    let Setup { transport, queue, .. } = Setup::new(1);
    drop(transport);
    let datagram = Datagram { destination: ([127, 0, 0, 1], 2).into(), source: None, contents: b"x" };
    assert_eq!(queue.send(datagram, None, SendMode::Immediate).unwrap_err().kind(), io::ErrorKind::NotConnected);
}

#[test]
fn a_cork_holds_back_what_is_queued_under_it() {
    let mut setup = Setup::new(10);
    let queue = |setup: &Setup, contents| setup.queue_request(2, contents, SendMode::Batched).unwrap();
    // A cork of this length ends by itself only on a machine that stands still.
    setup.queue.cork_end.set_end(Duration::from_secs(3_600));
    queue(&setup, b"one");
    assert!(setup.queue.driver().take(), "the driver sets its timer");
    assert!(!setup.queue.is_flush_pending() && setup.queue.cork_end().is_some());
    queue(&setup, b"two");
    assert!(!setup.queue.driver().take(), "the driver knows the cork");
    setup.queue.uncork();
    assert!(setup.queue.is_flush_pending() && setup.queue.driver().take());
    // The driver flushes although another cork has begun.
    setup.queue.cork_end.set_end(Duration::from_secs(3_600));
    assert!(setup.queue.is_flush_pending());
    setup.flush().unwrap();
    assert_eq!(setup.sent(), [b"one", b"two"]);
    queue(&setup, b"six");
    assert!(!setup.queue.is_flush_pending());
    setup.queue.flush_corked();
    assert!(setup.queue.is_flush_pending() && setup.queue.driver().take());
    setup.flush().unwrap();
    assert_eq!(setup.sent().len(), 3);
}

#[test]
fn a_cork_ends_although_its_thread_is_held_up() {
    let setup = Setup::new(10);
    setup.queue.cork();
    setup.queue_request(2, b"one", SendMode::Batched).unwrap();
    assert!(setup.queue.driver().take(), "the driver sets its timer");
    while setup.queue.cork_end().is_some() {
        std::thread::yield_now();
    }
    assert!(setup.queue.is_flush_pending());
}

#[test]
fn a_cork_without_datagrams_changes_nothing() {
    let setup = Setup::new(10);
    setup.queue.cork();
    setup.queue.uncork();
    assert!(!setup.queue.is_flush_pending() && !setup.queue.driver().take());
    setup.queue_request(2, b"one", SendMode::Batched).unwrap();
    assert!(setup.queue.is_flush_pending() && setup.queue.driver().take());
}
