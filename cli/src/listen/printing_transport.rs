use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use rpcudp::transport::{Datagram, ReceiveBatch, SendBatch, Transport, Udp};

use super::printer::Printer;

/// A socket that prints the datagrams that it receives, before the endpoint handles them.
pub(super) struct PrintingTransport {
    socket: Udp,
    printer: Arc<Printer>,
}

impl PrintingTransport {
    pub(super) fn new(socket: Udp, printer: Arc<Printer>) -> Self {
        Self { socket, printer }
    }
}

impl Transport for PrintingTransport {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        let received = self.socket.poll_receive(cx, batch);
        match &received {
            Poll::Ready(Ok(())) => batch.iter().for_each(|datagram| self.printer.print(&datagram)),
            Poll::Ready(Err(error)) => self.printer.print_error("receiving", error),
            Poll::Pending => {}
        }
        received
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        let sent = self.socket.try_send(datagram);
        sent.inspect_err(|error| self.printer.print_send_error(datagram.destination, error))
    }

    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        let sent = self.socket.try_send_batch(batch, from);
        sent.inspect_err(|error| self.printer.print_send_error(batch.datagram(from).destination, error))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }
}

impl fmt::Debug for PrintingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrintingTransport")
    }
}
