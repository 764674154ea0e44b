use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use rpcudp_secure::StreamFrame;

use super::flow::Flow;
use crate::panic::{Panicked, catch};

/// A source of encoded items: the application's stream or channel. Ends without an end if the
/// application has dropped its side.
pub(crate) type Source = Pin<Box<dyn Stream<Item = Step> + Send>>;

/// The next part of a source.
#[derive(Debug)]
pub(crate) enum Step {
    /// An item, as a frame.
    Item(Bytes),
    /// The end, as a frame.
    End(Bytes),
    /// The end before the last item, because one cannot be sent. With the reason.
    Broken(Box<str>),
}

/// Sends the items of a source, until it has ended or the peer receives no more.
/// Passes the reason to `report` if an item cannot be sent.
pub(crate) async fn pump(mut source: Source, flow: Arc<Flow>, report: impl Fn(&str) + Send) {
    poll_fn(|cx| poll_pump(&mut source, &flow, &report, cx)).await;
    // A panic of the application's `Drop` costs no more than the stream.
    let _ = catch(|| drop(source));
}

fn poll_pump(source: &mut Source, flow: &Arc<Flow>, report: &impl Fn(&str), cx: &mut Context<'_>) -> Poll<()> {
    loop {
        match flow.poll_room(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            // Also woken if the peer stops the stream.
            Poll::Pending => return Poll::Pending,
        }
        let end = match catch(|| source.as_mut().poll_next(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Some(Step::Item(item)))) => {
                flow.send(item);
                continue;
            }
            Ok(Poll::Ready(Some(Step::End(end)))) => end,
            Ok(Poll::Ready(Some(Step::Broken(reason)))) => {
                report(&reason);
                Bytes::from_owner(StreamFrame::cancelled())
            }
            Err(Panicked) => {
                report("the stream of items panicked");
                Bytes::from_owner(StreamFrame::cancelled())
            }
            // Behind the items that were sent, so that none of them is lost.
            Ok(Poll::Ready(None)) => Bytes::from_owner(StreamFrame::cancelled()),
        };
        flow.send(end);
        flow.finish();
        return Poll::Ready(());
    }
}
