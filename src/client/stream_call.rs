//! Calls with streams.

use std::io;
use std::sync::Arc;

use rpcudp_core::codec::{DecodeError, decode};
use serde::de::DeserializeOwned;

use super::call::Call;
use super::call_end::CallEnd;
use super::call_result::Encoded;
use super::no_error::NoError;
use super::pending::PendingCall;
use super::request::OutgoingRequest;
use super::stream_request::StreamRequest;
use super::target::Target;
use crate::links::call_flow::CallFlow;
use crate::streams::inflow::Inflow;
use crate::streams::outflow::Outflow;

impl OutgoingRequest {
    /// Sends the items of an outflow after the request.
    #[must_use]
    pub fn outflow<T, E>(mut self, items: Outflow<T, E>) -> Self {
        self.extras.get_or_insert_default().stream = Some(StreamRequest::with_items(items.into_source()));
        self
    }

    /// Returns the call of a method that returns a stream.
    pub fn stream_call<T, F, D>(mut self) -> Call<Inflow<T, F>, NoError, D> {
        self.add_stream();
        Call::new(self, |encoded| match encoded {
            Encoded::Error(_) => None,
            encoded => Some(Ok(Ok(inflow(&encoded)))),
        })
    }

    /// Returns the call of a method that returns a `Result` with a stream.
    pub fn fallible_stream_call<T, F, E: DeserializeOwned, D>(mut self) -> Call<Inflow<T, F>, E, D> {
        self.add_stream();
        Call::new(self, |encoded| {
            Some(match encoded {
                Encoded::Error(bytes) => decode(bytes).map(Err),
                encoded => Ok::<_, DecodeError>(Ok(inflow(&encoded))),
            })
        })
    }

    fn add_stream(&mut self) {
        self.extras.get_or_insert_default().stream.get_or_insert_default();
    }
}

/// Returns the items that follow a response.
fn inflow<T, F>(encoded: &Encoded<'_>) -> Inflow<T, F> {
    match encoded {
        Encoded::Stream { stream, endpoint, .. } => Inflow::of_link(stream.reader(), Some(endpoint)),
        _ => Inflow::of_link(None, None),
    }
}

impl PendingCall {
    /// Gives the call a stream. Its request is sent once, because the stream loses nothing.
    pub(super) fn use_stream(&mut self, stream: &StreamRequest) -> Result<(), CallEnd> {
        (self.retransmits, self.waits_for_ready) = (false, false);
        let peer = match &self.target {
            Target::Secure(peer) => peer,
            Target::Peer(_) => return Err(CallEnd::Insecure),
            Target::Group(_) => {
                let message =
                    "a call with a stream goes to one peer: call a member of the group by a client of its own";
                return Err(CallEnd::unsendable(io::Error::new(io::ErrorKind::Unsupported, message)));
            }
        };
        // Without an identity, the call ends when it is sent.
        if let Some(links) = &self.endpoint.shared().links {
            let stream = CallFlow::new(links.new_flow(), stream.take_items());
            self.target = Target::Secure(Arc::new(peer.with_stream(stream)));
        }
        Ok(())
    }
}
