use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use crate::datagram::Datagram;
use crate::receive_batch::ReceiveBatch;
use crate::send_batch::SendBatch;

/// A network that an endpoint sends and receives datagrams through.
///
/// Addresses are canonical in both directions: an IPv4 peer has an IPv4 address, even on an IPv6
/// socket (see [`canonical`](crate::canonical)). [`Udp`](crate::Udp) and
/// [`sim::Node`](crate::sim::Node) implement this trait. A test may wrap either of them to count,
/// drop or change datagrams:
///
/// ```
/// use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
/// use std::io;
/// use std::net::SocketAddr;
/// use std::task::{Context, Poll};
///
/// /// Drops every datagram above 1,400 bytes, as a path with a broken middlebox does.
/// #[derive(Debug)]
/// struct Narrow<T>(T);
///
/// impl<T: Transport> Transport for Narrow<T> {
///     fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
///         self.0.poll_receive(cx, batch)
///     }
///     fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
///         if datagram.contents.len() > 1_400 { Ok(()) } else { self.0.try_send(datagram) }
///     }
///     fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         self.0.poll_writable(cx)
///     }
///     fn local_addr(&self) -> SocketAddr {
///         self.0.local_addr()
///     }
/// }
/// ```
pub trait Transport: Debug + Send + Sync + 'static {
    /// Waits until datagrams or reports of unreachable destinations arrive, and replaces the
    /// contents of `batch` by them.
    ///
    /// Only one task at a time may receive from a transport: the task that polled last is woken.
    ///
    /// # Errors
    ///
    /// Returns the error of the socket. It may concern an earlier send to any peer, and the next
    /// call may succeed.
    ///
    /// # Cancel safety
    ///
    /// A task may stop polling at any time. No datagram is lost, because only a call that returns
    /// `Ready` takes datagrams from the socket.
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>>;

    /// Waits until another datagram arrives. An endpoint calls this after the response to its only
    /// pending call, to skip the system call that would look for datagrams already received.
    ///
    /// Datagrams that arrived earlier do not have to wake the task; the next call of
    /// [`poll_receive`](Self::poll_receive) returns them.
    ///
    /// The default returns `Ready`: the transport saves nothing here, and the endpoint waits with
    /// [`poll_receive`](Self::poll_receive) as always.
    ///
    /// # Cancel safety
    ///
    /// A task may stop polling at any time. This method takes no datagrams from the socket.
    fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }

    /// Receives what [`poll_receive`](Self::poll_receive) would, without waiting and without a task
    /// to wake. Like that, it may be called by one thread at a time. The task that waits in
    /// `poll_receive` may be woken for a datagram that this has taken.
    ///
    /// The default returns `WouldBlock`: only `poll_receive` receives.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::WouldBlock`] if no datagram has arrived, and any other error as
    /// `poll_receive` does.
    fn try_receive(&self, batch: &mut ReceiveBatch) -> io::Result<()> {
        batch.clear();
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Sends a datagram without waiting. Any number of tasks may send at the same time.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::WouldBlock`] if the caller has to wait for
    /// [`poll_writable`](Self::poll_writable), and any other error if the datagram cannot be sent
    /// at all.
    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()>;

    /// Sends datagrams of a batch without waiting, from index `from` on, and returns the number of
    /// datagrams sent. It is at least one, unless no datagram is left at `from`.
    ///
    /// The default calls [`try_send`](Self::try_send) for each datagram. A transport that can send
    /// several at once overrides it.
    ///
    /// # Errors
    ///
    /// Returns the error of the datagram at `from`, which was not sent. An error of a later
    /// datagram ends the call early, and the call that begins with that datagram returns it.
    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        for (sent_count, datagram) in batch.iter().skip(from).enumerate() {
            match self.try_send(datagram) {
                Ok(()) => {}
                Err(error) if sent_count == 0 => return Err(error),
                Err(_) => return Ok(sent_count),
            }
        }
        Ok(batch.len() - from)
    }

    /// Returns whether an endpoint should [gather](SendBatch::gather) a batch before
    /// [`try_send_batch`](Self::try_send_batch), because datagrams to one peer take less time if
    /// they are next to each other.
    ///
    /// The default is `false`: datagrams leave in the order in which they were sent.
    fn gathers(&self) -> bool {
        false
    }

    /// Waits until a send that returned [`io::ErrorKind::WouldBlock`] may succeed.
    ///
    /// Only one task at a time may wait: the task that polled last is woken.
    ///
    /// # Errors
    ///
    /// Returns an error if the transport is no longer usable, for example because its runtime has
    /// shut down.
    ///
    /// # Cancel safety
    ///
    /// A task may stop polling at any time. This method sends nothing.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Returns the address that this transport is bound to. Its IP address is unspecified if the
    /// transport is bound to all addresses of the host.
    fn local_addr(&self) -> SocketAddr;

    /// Returns the seed of the randomness that an endpoint on this transport uses, so that a
    /// simulated run can be repeated.
    ///
    /// The default is `None`, for real networks: the operating system supplies the randomness.
    fn seed(&self) -> Option<u64> {
        None
    }
}
