//! What is called, and the books of what ran.

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

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
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

    /// How the call of it ends that is answered.
    pub(crate) fn answer(self, number: u64) -> Ending {
        match self {
            Self::OneWay => Ending::Value(0),
            Self::AtMostFailing if is_refused(number) => Ending::Application(number),
            _ => Ending::Value(answer(number)),
        }
    }

    /// Calls it, and says how that ended.
    pub(crate) async fn call(self, client: TargetClient, number: u64, timeout: Duration) -> Ending {
        match self {
            Self::Maybe => ending(client.maybe(number), timeout, |never| match never {}).await,
            Self::AtLeast => ending(client.at_least(number), timeout, |never| match never {}).await,
            Self::AtMost => ending(client.at_most(number), timeout, |never| match never {}).await,
            Self::AtMostLater => ending(client.at_most_later(number), timeout, |never| match never {}).await,
            Self::AtMostFailing => ending(client.at_most_failing(number), timeout, |error| error).await,
            Self::OneWay => match client.oneway(number).await {
                Ok(()) => Ending::Value(0),
                Err(CallError::Closed) => Ending::Closed,
                Err(error) => panic!("{error}"),
            },
        }
    }
}

async fn ending<E: Debug>(call: Call<u64, E>, timeout: Duration, number: fn(E) -> u64) -> Ending {
    match call.timeout(timeout).await {
        Ok(value) => Ending::Value(value),
        Err(CallError::Application(error)) => Ending::Application(number(error)),
        Err(CallError::Refused { .. }) => Ending::Refused,
        Err(CallError::Decode { .. }) => Ending::Undecodable,
        Err(CallError::Timeout { .. }) => Ending::TimedOut,
        Err(CallError::Unreachable { .. }) => Ending::Unreachable,
        Err(CallError::Closed) => Ending::Closed,
        Err(CallError::TooManyCalls { .. }) => Ending::TooMany,
        Err(error) => panic!("no call may end so here: {error:?}"),
    }
}

/// What a number is answered with: not itself, so that an answer is no request's echo.
fn answer(number: u64) -> u64 {
    !number
}

fn is_refused(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// How often each request ran, by its sender and id, since the server was started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<BTreeMap<(SocketAddr, MessageId), Run>>>);

/// How often a request ran as which kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) count: u64,
    pub(crate) at_most_once_count: u64,
}

impl Runs {
    pub(crate) fn of(&self, sender: SocketAddr, id: MessageId) -> Run {
        self.0.lock().unwrap().get(&(sender, id)).copied().unwrap_or_default()
    }

    /// Those that ran more often than they may.
    pub(crate) fn excess(&self) -> Vec<(SocketAddr, MessageId)> {
        let runs = self.0.lock().unwrap();
        runs.iter().filter(|(_, run)| run.at_most_once_count > 1).map(|(request, _)| *request).collect()
    }

    fn note(&self, cx: &Context, method: Method) {
        let mut runs = self.0.lock().unwrap();
        let run = runs.entry((cx.sender(), cx.message_id())).or_default();
        run.count += 1;
        run.at_most_once_count += u64::from(method.is_at_most_once());
    }
}

impl Target for Runs {
    fn maybe(&self, cx: &Context, number: u64) -> u64 {
        self.note(cx, Method::Maybe);
        answer(number)
    }
    fn at_least(&self, cx: &Context, number: u64) -> u64 {
        self.note(cx, Method::AtLeast);
        answer(number)
    }
    fn at_most(&self, cx: &Context, number: u64) -> u64 {
        self.note(cx, Method::AtMost);
        answer(number)
    }
    async fn at_most_later(&self, cx: &Context, number: u64) -> u64 {
        self.note(cx, Method::AtMostLater);
        sleep(Duration::from_millis(number % 50)).await;
        answer(number)
    }
    fn at_most_failing(&self, cx: &Context, number: u64) -> Result<u64, u64> {
        self.note(cx, Method::AtMostFailing);
        if is_refused(number) { Err(number) } else { Ok(answer(number)) }
    }
    fn oneway(&self, cx: &Context, _: u64) {
        self.note(cx, Method::OneWay);
    }
}
