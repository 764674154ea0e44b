//! Streams of bytes as readers.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use super::frames;
use super::inflow::{Inflow, StreamFailure};
use super::inflow_error::InflowError;
use super::outflow::Outflow;
use crate::client::no_error::NoError;
use crate::links::pump::Step;

/// An [`Inflow`] of chunks of bytes as a reader, from
/// [`Inflow::into_reader`](crate::Inflow::into_reader).
///
/// A stream that ends before its last item is an error: of the kind `ConnectionAborted` if the link
/// or the session has ended, `UnexpectedEof` if the sender has given up, and `Other` for an error
/// of the sender's own.
#[derive(Debug)]
pub struct InflowReader<E = NoError> {
    chunks: Inflow<Vec<u8>, E>,
    chunk: Vec<u8>,
    read_len: usize,
}

impl<E> Inflow<Vec<u8>, E> {
    /// Returns the bytes of all chunks as a reader.
    ///
    /// ```
    /// use rpcudp::{Inflow, Outflow};
    /// use std::future::poll_fn;
    /// use std::pin::pin;
    /// use tokio::io::{AsyncRead, ReadBuf};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let chunks: Outflow<Vec<u8>> = Outflow::from_reader(&b"a file, for example"[..]);
    /// // In a program, one side sends the chunks, and the other gets them as an `Inflow`.
    /// let mut reader = pin!(Inflow::from(chunks).into_reader());
    /// // With tokio's feature `io-util`: `reader.read(&mut buffer).await?`.
    /// let mut buffer = [0; 100];
    /// let mut read = ReadBuf::new(&mut buffer);
    /// poll_fn(|cx| reader.as_mut().poll_read(cx, &mut read)).await?;
    /// assert_eq!(read.filled(), b"a file, for example");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_reader(self) -> InflowReader<E> {
        InflowReader { chunks: self, chunk: Vec::new(), read_len: 0 }
    }
}

impl<E: StreamFailure + fmt::Display> AsyncRead for InflowReader<E> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.read_len == this.chunk.len() {
            match ready!(Pin::new(&mut this.chunks).poll_next(cx)) {
                Some(Ok(chunk)) => (this.chunk, this.read_len) = (chunk, 0),
                Some(Err(error)) => return Poll::Ready(Err(io_error(&error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let rest = &this.chunk[this.read_len..];
        let len = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..len]);
        this.read_len += len;
        Poll::Ready(Ok(()))
    }
}

fn io_error<E: fmt::Display>(error: &InflowError<E>) -> io::Error {
    let kind = match error {
        InflowError::Link(_) | InflowError::SessionEnded => io::ErrorKind::ConnectionAborted,
        InflowError::Cancelled => io::ErrorKind::UnexpectedEof,
        InflowError::Application(_) => io::ErrorKind::Other,
        InflowError::Decode(_) | InflowError::Malformed => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error.to_string())
}

impl<E> Outflow<Vec<u8>, E> {
    /// Returns the bytes of a reader, in chunks of up to 64 KiB. If reading fails, the receiver
    /// gets [`InflowError::Cancelled`](crate::InflowError::Cancelled), and the error is logged.
    ///
    /// [`Inflow::into_reader`](crate::Inflow::into_reader) is the counterpart, and has an example.
    pub fn from_reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::new(Chunks { reader: Box::pin(reader), buffer: vec![0; Chunks::<&[u8]>::MAX_LEN], is_over: false })
    }
}

/// The chunks of a reader.
struct Chunks<R> {
    reader: Pin<Box<R>>,
    buffer: Vec<u8>,
    is_over: bool,
}

impl<R> Chunks<R> {
    const MAX_LEN: usize = 64 << 10;
}

impl<R: AsyncRead> Stream for Chunks<R> {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        let Self { reader, buffer, is_over } = &mut *self;
        if *is_over {
            return Poll::Ready(None);
        }
        let mut read = ReadBuf::new(buffer);
        let step = match ready!(reader.as_mut().poll_read(cx, &mut read)) {
            Ok(()) if read.filled().is_empty() => Step::End(frames::end()),
            Ok(()) => {
                let chunk = frames::item(&Bytes(read.filled()));
                chunk.map_or_else(|error| Step::Broken(error.to_string().into()), Step::Item)
            }
            Err(error) => Step::Broken(format!("reading failed: {error}").into()),
        };
        *is_over = !matches!(step, Step::Item(_));
        Poll::Ready(Some(step))
    }
}

/// Bytes that are encoded as such, and not as a list of numbers.
struct Bytes<'a>(&'a [u8]);

impl serde::Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
