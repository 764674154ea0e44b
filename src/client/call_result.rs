//! The result of a call, from the end of its request.

use std::any;
use std::net::SocketAddr;
use std::sync::Arc;

use rpcudp_core::codec::DecodeError;
use rpcudp_core::contract::Delivery;
use rpcudp_core::limits::MAX_DEPTH;
use rpcudp_core::{Counter, DropReason, FailureCode};
#[cfg(feature = "secure")]
use rpcudp_secure::LinkEnd;

use super::call_end::CallEnd;
use super::did_run::DidRun;
use super::error::CallError;
#[cfg(feature = "secure")]
use super::link_call::{did_run_before, link_error};
use super::pending::PendingCall;
use super::refusal::Refusal;
#[cfg(feature = "secure")]
use super::target::Target;
use crate::calls::completion::{Completion, StartError};
use crate::calls::response_body::ResponseBody;
#[cfg(feature = "secure")]
use crate::client::client_endpoint::ClientEndpoint;
use crate::group::shared::GroupShared;
#[cfg(feature = "secure")]
use crate::links::call_flow::CallFlow;
use crate::telemetry::outcome::Outcome;

/// The encoded value or application error of a response.
pub(crate) enum Encoded<'a> {
    Value(ResponseBody),
    /// The value of a call with a stream, and that stream.
    #[cfg(feature = "secure")]
    Stream {
        body: ResponseBody,
        stream: &'a CallFlow,
        endpoint: &'a Arc<ClientEndpoint>,
    },
    Error(&'a [u8]),
}

/// The decoder of a method's response. Returns `None` for an error if the contract declares none.
pub(crate) type Decode<T, E> = fn(Encoded<'_>) -> Option<Result<Result<T, E>, DecodeError>>;

impl PendingCall {
    /// Converts the end of the call to its result, and records it.
    pub(super) fn finish<T, E>(&self, end: CallEnd, decode: Decode<T, E>) -> Result<T, CallError<E>> {
        let method = self.spec.name;
        let result = match end {
            CallEnd::Completed(completion, transmission_count) => {
                self.end_progress(&completion);
                self.result(self.peer(), completion, transmission_count, decode)
            }
            CallEnd::NotStarted(StartError::Closed) => Err(CallError::Closed),
            CallEnd::NotStarted(StartError::TooMany(error)) => Err(CallError::TooManyCalls { limit: error.limit }),
            CallEnd::TooLarge { size, limit } => Err(CallError::TooLarge { method, size, limit }),
            CallEnd::Insecure => Err(CallError::Insecure { method }),
            CallEnd::Unencodable { argument, source } => Err(CallError::Encode { method, argument, source }),
            CallEnd::Metadata { key, source } => Err(CallError::Metadata { method, key, source }),
            CallEnd::NoPeers => Err(no_peers(method, &self.view().group)),
        };
        let error = result.as_ref().err();
        self.count(error);
        match error {
            None if self.spec.delivery == Delivery::OneWay => self.record(Outcome::Sent, None),
            None => self.record(Outcome::Completed, None),
            Some(error) => self.record(error.outcome(), Some(&error.log_message())),
        }
        result
    }

    /// Converts the completion of a request to `peer` to a result.
    pub(super) fn result<T, E>(
        &self,
        peer: SocketAddr,
        completion: Completion,
        transmission_count: u32,
        decode: Decode<T, E>,
    ) -> Result<T, CallError<E>> {
        let spec = self.spec;
        let method = spec.name;
        // A single request that did not arrive did not run.
        let if_sent_once = |did_run| if transmission_count <= 1 { did_run } else { DidRun::Maybe };
        let declared = |decoded: Result<Result<T, E>, DecodeError>| match decoded {
            Ok(result) => result.map_err(CallError::Application),
            Err(source) => Err(CallError::Decode { method, peer, source }),
        };
        match completion {
            Completion::Response(body) => {
                declared(decode(self.encoded(body)).expect("every contract declares a value"))
            }
            Completion::Failure(failure) => {
                let detail = failure.detail.as_deref();
                let error = detail.filter(|_| failure.code == FailureCode::APPLICATION);
                match error.and_then(|error| decode(Encoded::Error(error))) {
                    Some(decoded) => declared(decoded),
                    None => {
                        let reason = Refusal::from_failure(failure.code, detail);
                        if reason == Refusal::NoSession {
                            self.endpoint.shared().sessions.joined.note_lost(peer);
                        }
                        let did_run = match (reason.did_run(), spec.delivery) {
                            // The server remembers the request, even after it has removed the
                            // method.
                            (DidRun::No, Delivery::AtMostOnce) => DidRun::No,
                            // Another copy of the request may have run.
                            (DidRun::No, Delivery::AtLeastOnce) if reason.is_not_ready() => DidRun::Maybe,
                            (DidRun::No, _) => if_sent_once(DidRun::No),
                            (did_run, _) => did_run,
                        };
                        Err(CallError::Refused { method, peer, reason, message: failure.message, did_run })
                    }
                }
            }
            Completion::Undecodable(reason) => {
                let source = DecodeError::new(any::type_name::<T>(), invalid_body(reason));
                Err(CallError::Decode { method, peer, source })
            }
            #[cfg(feature = "secure")]
            Completion::TimedOut(_) if !self.has_link() => {
                Err(link_error((method, peer), LinkEnd::NoAnswer, DidRun::Maybe))
            }
            Completion::TimedOut(source) => Err(CallError::Timeout { method, peer, after: self.timeout(), source }),
            Completion::Unreachable(_) => {
                Err(CallError::Unreachable { method, peer, did_run: if_sent_once(DidRun::No) })
            }
            Completion::Unsendable { error: source, .. } => {
                Err(CallError::Io { peer, source, did_run: if_sent_once(DidRun::No) })
            }
            Completion::Closed => Err(CallError::Closed),
            #[cfg(feature = "secure")]
            Completion::LinkEnded(ended) => {
                Err(link_error((method, peer), ended.reason, did_run_before(&ended, transmission_count)))
            }
        }
    }

    /// Returns the value of a response, with the stream of the call if it has one.
    fn encoded(&self, body: ResponseBody) -> Encoded<'_> {
        #[cfg(feature = "secure")]
        if let Target::Secure(peer) = &self.target
            && let Some(stream) = peer.stream()
        {
            return Encoded::Stream { body, stream, endpoint: &self.endpoint };
        }
        Encoded::Value(body)
    }

    fn count<E>(&self, error: Option<&CallError<E>>) {
        let counter = match error {
            // A oneway call ends when it is sent, without a response.
            None if self.spec.delivery == Delivery::OneWay => Counter::CallsOneway,
            None | Some(CallError::Application(_)) => Counter::CallsCompleted,
            Some(CallError::Refused { .. }) => Counter::CallsRefused,
            Some(CallError::Timeout { .. }) => Counter::CallsTimedOut,
            Some(CallError::Unreachable { .. }) => Counter::CallsUnreachable,
            #[cfg(feature = "secure")]
            Some(CallError::Link { .. } | CallError::WrongPeer { .. }) => Counter::CallsUnreachable,
            Some(CallError::Decode { .. }) => Counter::CallsUndecodable,
            Some(CallError::Closed) => return,
            Some(_) => Counter::CallsUnsendable,
        };
        self.endpoint.shared().counters.add(counter, 1);
    }
}

/// Returns the error of a call to a group without a peer.
fn no_peers<E>(method: &'static str, group: &GroupShared) -> CallError<E> {
    CallError::NoPeers { method, group: Arc::clone(group.name()), source: group.failure() }
}

/// Describes the fault of a response with an invalid body.
fn invalid_body(reason: DropReason) -> String {
    match reason {
        DropReason::TooDeep => format!("it nests deeper than {MAX_DEPTH} levels"),
        DropReason::WrongShape => "its failure frame has another shape".into(),
        _ => "its msgpack is incomplete or invalid".into(),
    }
}
