//! The service that is called, and a record of the requests that ran.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::{Call, CallError, Context, MessageId, rpc_service};
use tokio::time::sleep;

#[rpc_service]
pub(crate) trait Target {
    fn maybe(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_least_once)]
    fn at_least(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    fn at_most(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    async fn at_most_later(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_most_once)]
    fn at_most_failing(&self, cx: &Context, number: u64) -> Result<u64, u64>;
    #[rpc(oneway)]
    fn oneway(&self, cx: &Context, number: u64);
}

/// A method of [`Target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Maybe,
    AtLeast,
    AtMost,
    AtMostLater,
    AtMostFailing,
    OneWay,
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value(u64),
    Application(u64),
    Refused,
    Undecodable,
    TimedOut,
    Unreachable,
    Closed,
    TooMany,
}

impl Method {
    pub(crate) const ALL: [Self; 6] =
        [Self::Maybe, Self::AtLeast, Self::AtMost, Self::AtMostLater, Self::AtMostFailing, Self::OneWay];

    pub(crate) fn is_at_most_once(self) -> bool {
        matches!(self, Self::AtMost | Self::AtMostLater | Self::AtMostFailing)
    }

    /// Returns the outcome of a call that receives the response of an unchanged server.
    pub(crate) fn expected_outcome(self, number: u64) -> Outcome {
        match self {
            Self::OneWay => Outcome::Value(0),
            Self::AtMostFailing if fails_for(number) => Outcome::Application(number),
            _ => Outcome::Value(response(number)),
        }
    }

    /// Calls the method and returns the outcome.
    pub(crate) async fn call(self, client: TargetClient, number: u64, timeout: Duration) -> Outcome {
        match self {
            Self::Maybe => outcome(client.maybe(number), timeout, |never| match never {}).await,
            Self::AtLeast => outcome(client.at_least(number), timeout, |never| match never {}).await,
            Self::AtMost => outcome(client.at_most(number), timeout, |never| match never {}).await,
            Self::AtMostLater => outcome(client.at_most_later(number), timeout, |never| match never {}).await,
            Self::AtMostFailing => outcome(client.at_most_failing(number), timeout, |error| error).await,
            Self::OneWay => match client.oneway(number).await {
                Ok(()) => Outcome::Value(0),
                Err(CallError::Closed) => Outcome::Closed,
                Err(error) => panic!("{error}"),
            },
        }
    }
}

async fn outcome<E: Debug>(call: Call<u64, E>, timeout: Duration, number: fn(E) -> u64) -> Outcome {
    match call.timeout(timeout).await {
        Ok(value) => Outcome::Value(value),
        Err(CallError::Application(error)) => Outcome::Application(number(error)),
        Err(CallError::Refused { .. }) => Outcome::Refused,
        Err(CallError::Decode { .. }) => Outcome::Undecodable,
        Err(CallError::Timeout { .. }) => Outcome::TimedOut,
        Err(CallError::Unreachable { .. }) => Outcome::Unreachable,
        Err(CallError::Closed) => Outcome::Closed,
        Err(CallError::TooManyCalls { .. }) => Outcome::TooMany,
        Err(error) => panic!("no call may fail like this here: {error:?}"),
    }
}

/// Returns the value of the response to a number. It differs from the number, so that no request
/// passes for a response.
fn response(number: u64) -> u64 {
    !number
}

fn fails_for(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// The runs of each request since the server started, by sender and id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<BTreeMap<(SocketAddr, MessageId), Run>>>);

/// The number of runs of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) count: u64,
    pub(crate) at_most_once_count: u64,
}

impl Runs {
    pub(crate) fn of(&self, sender: SocketAddr, id: MessageId) -> Run {
        self.0.lock().unwrap().get(&(sender, id)).copied().unwrap_or_default()
    }

    /// Returns the at-most-once requests that ran more than once.
    pub(crate) fn repeated(&self) -> Vec<(SocketAddr, MessageId)> {
        let runs = self.0.lock().unwrap();
        runs.iter().filter(|(_, run)| run.at_most_once_count > 1).map(|(request, _)| *request).collect()
    }

    /// Returns the runs of requests with this id, from any sender.
    pub(crate) fn of_any_sender(&self, id: MessageId) -> Run {
        let runs = self.0.lock().unwrap();
        let same_id = runs.iter().filter(|((_, other), _)| *other == id).map(|(_, run)| *run);
        same_id.fold(Run::default(), |sum, run| Run {
            count: sum.count + run.count,
            at_most_once_count: sum.at_most_once_count + run.at_most_once_count,
        })
    }

    /// Returns the ids of at-most-once requests that ran more than once, for any senders.
    pub(crate) fn repeated_ids(&self) -> Vec<MessageId> {
        let ids: Vec<_> = self.0.lock().unwrap().keys().map(|(_, id)| *id).collect();
        ids.into_iter().filter(|id| self.of_any_sender(*id).at_most_once_count > 1).collect()
    }

    fn record(&self, cx: &Context, method: Method) {
        let mut runs = self.0.lock().unwrap();
        let run = runs.entry((cx.sender(), cx.message_id())).or_default();
        run.count += 1;
        run.at_most_once_count += u64::from(method.is_at_most_once());
    }
}

impl Target for Runs {
    fn maybe(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx, Method::Maybe);
        response(number)
    }
    fn at_least(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx, Method::AtLeast);
        response(number)
    }
    fn at_most(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx, Method::AtMost);
        response(number)
    }
    async fn at_most_later(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx, Method::AtMostLater);
        sleep(Duration::from_millis(number % 50)).await;
        response(number)
    }
    fn at_most_failing(&self, cx: &Context, number: u64) -> Result<u64, u64> {
        self.record(cx, Method::AtMostFailing);
        if fails_for(number) { Err(number) } else { Ok(response(number)) }
    }
    fn oneway(&self, cx: &Context, _: u64) {
        self.record(cx, Method::OneWay);
    }
}
