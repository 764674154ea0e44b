//! How many datagrams a socket is asked for at once, by how they came so far.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use self::coalescing::{begin_coalescing, end_coalescing};

/// How a socket is received from. What takes many datagrams with one system call takes one of them more slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// One datagram with each call, and nothing is said of it but who sent it.
    One,
    /// A few with each, and of each as many as the kernel has coalesced.
    Few,
    /// As many as may be.
    Many,
}

/// Finds the pace of a socket. One task at a time receives.
#[derive(Debug)]
pub(super) struct Pacer {
    /// Whether `Pace::One` says enough.
    may_take_one: bool,
    takes_one: AtomicBool,
    is_busy: AtomicBool,
    /// While they are taken one by one: how many came without a pause. Otherwise: how often in a row there was but one.
    in_a_row: AtomicU32,
}

impl Pacer {
    /// How many datagrams without a pause are too many to be taken one by one; and how many calls bring `Pace::Few` at the
    /// most.
    pub(super) const FEW: usize = 2;

    /// How often in a row there has to be but one datagram before they are taken one by one: the change takes as long as to
    /// receive one.
    const ALONE: u32 = 64;

    /// `may_take_one` where it need not be known which of the host's addresses a datagram was sent to.
    pub(super) fn new(socket: &UdpSocket, may_take_one: bool) -> Self {
        let takes_one = may_take_one && end_coalescing(socket);
        if !takes_one {
            begin_coalescing(socket);
        }
        Self {
            may_take_one,
            takes_one: AtomicBool::new(takes_one),
            is_busy: AtomicBool::new(false),
            in_a_row: AtomicU32::new(0),
        }
    }

    pub(super) fn pace(&self) -> Pace {
        if self.takes_one.load(Ordering::Relaxed) {
            Pace::One
        } else if self.is_busy.load(Ordering::Relaxed) {
            Pace::Many
        } else {
            Pace::Few
        }
    }

    /// Notes whether asking for one datagram has brought one.
    pub(super) fn took_one(&self, socket: &UdpSocket, came: bool) {
        let in_a_row = if came { self.in_a_row.load(Ordering::Relaxed) + 1 } else { 0 };
        self.in_a_row.store(in_a_row, Ordering::Relaxed);
        if in_a_row as usize >= Self::FEW {
            begin_coalescing(socket);
            self.takes_one.store(false, Ordering::Relaxed);
            self.is_busy.store(true, Ordering::Relaxed);
            self.in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// Notes how many have come, in as many buffers, and whether that is all there was.
    pub(super) fn took(&self, socket: &UdpSocket, count: usize, buffer_count: usize, is_all: bool) {
        self.is_busy.store(buffer_count >= Self::FEW, Ordering::Relaxed);
        let in_a_row = if count == 1 && is_all { self.in_a_row.load(Ordering::Relaxed) + 1 } else { 0 };
        self.in_a_row.store(in_a_row, Ordering::Relaxed);
        if in_a_row >= Self::ALONE {
            self.in_a_row.store(0, Ordering::Relaxed);
            self.takes_one.store(self.may_take_one && end_coalescing(socket), Ordering::Relaxed);
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod coalescing {
    use std::io;
    use std::net::UdpSocket;

    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::UdpGroSegment;

    /// Has the kernel give datagrams of one length from one peer away as one. Where it cannot, they come as they are.
    pub(super) fn begin_coalescing(socket: &UdpSocket) {
        let _ = setsockopt(socket, UdpGroSegment, &true);
    }

    /// Has the kernel give them away one by one; `false` where it goes on as before.
    ///
    /// What it has coalesced by then it would still give away as one, and not say so: there must be nothing. What another core has
    /// begun to put there before the first of two system calls and has not by the second would be taken for one datagram, and all
    /// but the first of it lost, as any datagram may be.
    pub(super) fn end_coalescing(socket: &UdpSocket) -> bool {
        if setsockopt(socket, UdpGroSegment, &false).is_err() {
            return false;
        }
        let is_empty = socket.peek_from(&mut []).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if !is_empty {
            begin_coalescing(socket);
        }
        is_empty
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod coalescing {
    use std::net::UdpSocket;

    /// Nothing is coalesced.
    pub(super) fn begin_coalescing(_: &UdpSocket) {}

    /// What takes many datagrams takes one as well.
    pub(super) fn end_coalescing(_: &UdpSocket) -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::{Datagram, ReceiveBatch, SendBatch, Transport, Udp, UdpOptions};

    fn bind() -> Udp {
        Udp::bind("127.0.0.1:0".parse().unwrap(), &UdpOptions::default()).unwrap()
    }

    fn send(from: &Udp, to: &Udp, contents: &[u8]) {
        from.try_send(Datagram { destination: to.local_addr(), source: None, contents }).unwrap();
    }

    async fn receive(at: &Udp) -> ReceiveBatch {
        let mut batch = ReceiveBatch::new();
        timeout(Duration::from_secs(10), poll_fn(|cx| at.poll_receive(cx, &mut batch))).await.unwrap().unwrap();
        batch
    }

    /// Receives one datagram, and sees that there is no other.
    async fn receive_alone(at: &Udp, contents: &[u8]) {
        assert!(receive(at).await.iter().map(|received| received.contents).eq([contents]));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(at.poll_receive(&mut cx, &mut ReceiveBatch::new()).is_pending());
    }

    #[tokio::test]
    async fn the_pace_changes_and_every_datagram_arrives_as_it_was_sent() {
        let (a, b) = (bind(), bind());
        for round in 0..3_u8 {
            assert_eq!(b.pacer.pace(), Pace::One);
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
            assert_ne!(b.pacer.pace(), Pace::One);
            for count in 0..2 * Pacer::ALONE {
                send(&a, &b, &count.to_be_bytes());
                receive_alone(&b, &count.to_be_bytes()).await;
            }
        }
    }

    #[tokio::test]
    async fn what_is_there_is_not_taken_for_one_datagram_when_the_pace_changes() {
        let (a, b) = (bind(), bind());
        begin_coalescing(&b.socket);
        let mut burst = SendBatch::new();
        for index in 0..64 {
            burst.push(Datagram { destination: b.local_addr(), source: None, contents: &[index; 100] });
        }
        assert_eq!(a.try_send_batch(&burst, 0).unwrap(), 64);
        assert!(!end_coalescing(&b.socket));
        b.pacer.takes_one.store(false, Ordering::Relaxed);
        assert!(receive(&b).await.len() > 1);
    }

    #[tokio::test]
    async fn whoever_waits_for_an_arrival_is_woken_by_the_next_and_finds_what_was_left() {
        let (a, b) = (bind(), bind());
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
            // The runtime hears of the last one that was left, and of nothing that is there.
            timeout(Duration::from_millis(20), poll_fn(|cx| b.poll_receive(cx, &mut batch))).await.unwrap_err();
            for _ in 0..2 * Pacer::ALONE {
                send(&a, &b, b"one");
                receive_alone(&b, b"one").await;
            }
        }
    }

    #[tokio::test]
    async fn whoever_receives_without_a_pause_leaves_others_their_turn() {
        let (a, b) = (bind(), bind());
        let (mut count, mut seen) = (0, 0);
        let mut burst = SendBatch::new();
        for _ in 0..64 {
            burst.push(Datagram { destination: b.local_addr(), source: None, contents: b"more" });
        }
        // Each batch that is received makes room for another.
        let flood = poll_fn(|cx| {
            let mut batch = ReceiveBatch::new();
            while count < 100_000 {
                // One by one, so that each takes a buffer.
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
        assert_eq!(seen, 5, "{count} were received meanwhile");
    }
}
