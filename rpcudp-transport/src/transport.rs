use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use crate::datagram::Datagram;
use crate::receive_batch::ReceiveBatch;
use crate::send_batch::SendBatch;

/// What an endpoint needs of a network: to receive a batch of datagrams, to send a batch, and its own address.
///
/// Addresses are canonical in both directions: an IPv4 peer has an IPv4 address, whatever the socket's family (see
/// [`canonical`](crate::canonical)). [`Udp`](crate::Udp) and [`sim::Node`](crate::sim::Node) implement this; a test
/// may wrap either to count, drop or change what passes:
///
/// ```
/// use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
/// use std::io;
/// use std::net::SocketAddr;
/// use std::task::{Context, Poll};
///
/// /// Loses every datagram of more than 1,400 bytes, as a path with a broken middlebox does.
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
    /// Waits for datagrams, and for those that came back, and puts what is there into `batch`, in place of what it held.
    ///
    /// Only one task at a time receives from a transport: the last that polled is woken.
    ///
    /// # Errors
    ///
    /// What the socket said. It may be about an earlier send to some peer, and the next call may well succeed.
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>>;

    /// Waits for something to arrive from now on, for a task that has received what it waited for. What is left of what has arrived
    /// before need not be looked for, which may take a system call.
    ///
    /// Ready where it makes no difference, which is the default, and [`poll_receive`](Self::poll_receive) is the way to wait;
    /// it shows what was left, whenever it is called.
    fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }

    /// Sends a datagram, if it goes without waiting. Any number of tasks may send at once.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] where it has to wait for [`poll_writable`](Self::poll_writable), and anything else
    /// where it cannot be sent at all.
    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()>;

    /// Sends datagrams of a batch, from the one at index `from` on, as many as go without waiting, and says how many
    /// went: at least one, unless there is none.
    ///
    /// As [`try_send`](Self::try_send) for each, unless the transport knows a better way.
    ///
    /// # Errors
    ///
    /// They are about the datagram at `from` alone, which was not sent.
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

    /// Waits until [`try_send`](Self::try_send) is worth trying again after it would have had to wait.
    ///
    /// Only one task at a time waits so: the last that polled is woken.
    ///
    /// # Errors
    ///
    /// Where the transport is of no more use, for example because its runtime has shut down.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The address that this transport is bound to; its IP is unspecified where it is bound to all of them.
    fn local_addr(&self) -> SocketAddr;

    /// Where whoever uses this transport is to take its randomness from, so that a simulated run repeats.
    ///
    /// `None`, the default, is for real networks: randomness comes from the operating system.
    fn seed(&self) -> Option<u64> {
        None
    }
}
