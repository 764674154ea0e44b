//! The service that is called, and a record of the requests that ran.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::{Call, CallError, Context, DidRun, MessageId, Refusal, rpc_service};
use tokio::time::sleep;

#[rpc_service]
pub(crate) trait Target {
    fn maybe(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_least_once)]
    fn at_least(&self, cx: &Context, number: u64) -> u64;
    #[rpc(at_least_once)]
    async fn at_least_later(&self, cx: &Context, number: u64) -> u64;
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
    AtLeastLater,
    AtMost,
    AtMostLater,
    AtMostFailing,
    OneWay,
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) outcome: Outcome,
    /// The statement of the error on whether the method ran. `None` if there is no error.
    pub(crate) did_run: Option<DidRun>,
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Value(u64),
    Application(u64),
    Busy,
    Closing,
    /// Another refusal.
    Refused,
    Undecodable,
    TimedOut,
    Unreachable,
    Closed,
    TooMany,
}

impl Method {
    pub(crate) const ALL: [Self; 7] = [
        Self::Maybe,
        Self::AtLeast,
        Self::AtMost,
        Self::AtMostLater,
        Self::AtMostFailing,
        Self::OneWay,
        Self::AtLeastLater,
    ];

    pub(crate) fn is_at_most_once(self) -> bool {
        matches!(self, Self::AtMost | Self::AtMostLater | Self::AtMostFailing)
    }

    /// Whether a handler of the method is a task, which a busy server refuses.
    pub(crate) fn is_async(self) -> bool {
        matches!(self, Self::AtLeastLater | Self::AtMostLater)
    }

    /// Returns the outcome of a call that receives the response of an unchanged server.
    pub(crate) fn expected_outcome(self, number: u64) -> Outcome {
        match self {
            Self::OneWay => Outcome::Value(0),
            Self::AtMostFailing if fails_for(number) => Outcome::Application(number),
            _ => Outcome::Value(response(number)),
        }
    }

    /// Calls the method and returns the end of the call.
    pub(crate) async fn call(self, client: TargetClient, number: u64, timeout: Duration) -> End {
        match self {
            Self::Maybe => end(client.maybe(number), timeout, |never| match never {}).await,
            Self::AtLeast => end(client.at_least(number), timeout, |never| match never {}).await,
            Self::AtLeastLater => end(client.at_least_later(number), timeout, |never| match never {}).await,
            Self::AtMost => end(client.at_most(number), timeout, |never| match never {}).await,
            Self::AtMostLater => end(client.at_most_later(number), timeout, |never| match never {}).await,
            Self::AtMostFailing => end(client.at_most_failing(number), timeout, |error| error).await,
            Self::OneWay => match client.oneway(number).await {
                Ok(()) => End { outcome: Outcome::Value(0), did_run: None },
                Err(CallError::Closed) => End { outcome: Outcome::Closed, did_run: None },
                Err(error) => panic!("{error}"),
            },
        }
    }
}

async fn end<E: Debug, D>(call: Call<u64, E, D>, timeout: Duration, number: fn(E) -> u64) -> End {
    let result = call.timeout(timeout).await;
    let did_run = result.as_ref().err().map(CallError::did_run);
    let outcome = match result {
        Ok(value) => Outcome::Value(value),
        Err(CallError::Application(error)) => Outcome::Application(number(error)),
        Err(CallError::Refused { reason: Refusal::Busy, .. }) => Outcome::Busy,
        Err(CallError::Refused { reason: Refusal::Closing, .. }) => Outcome::Closing,
        Err(CallError::Refused { .. }) => Outcome::Refused,
        Err(CallError::Decode { .. }) => Outcome::Undecodable,
        Err(CallError::Timeout { .. }) => Outcome::TimedOut,
        Err(CallError::Unreachable { .. }) => Outcome::Unreachable,
        Err(CallError::Closed) => Outcome::Closed,
        Err(CallError::TooManyCalls { .. }) => Outcome::TooMany,
        Err(error) => panic!("no call may fail like this here: {error:?}"),
    };
    End { outcome, did_run }
}

/// Returns the value of the response to a number. It differs from the number, so that no request
/// passes for a response.
fn response(number: u64) -> u64 {
    !number
}

fn fails_for(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// The runs of each request since the server started, by id: the caller's ids are unique, and its
/// address may change between two transmissions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<BTreeMap<MessageId, Run>>>);

/// The number of runs of one request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) count: u64,
    pub(crate) at_most_once_count: u64,
    running_count: u64,
    /// The most runs at the same time, of a method that is retransmitted.
    pub(crate) most_at_once: u64,
    /// The runs whose handler was dropped before it returned.
    pub(crate) dropped_count: u64,
}

impl Runs {
    pub(crate) fn of(&self, id: MessageId) -> Run {
        self.0.lock().unwrap().get(&id).copied().unwrap_or_default()
    }

    /// Returns the requests that ran more often than they may: at-most-once requests that ran more
    /// than once, and retransmitted requests of which a duplicate ran beside them.
    pub(crate) fn excessive(&self) -> Vec<(MessageId, Run)> {
        let runs = self.0.lock().unwrap();
        let excessive = runs.iter().filter(|(_, run)| run.at_most_once_count > 1 || run.most_at_once > 1);
        excessive.map(|(id, run)| (*id, *run)).collect()
    }

    fn record(&self, cx: &Context, method: Method) {
        self.update(cx.message_id(), |run| {
            run.count += 1;
            run.at_most_once_count += u64::from(method.is_at_most_once());
        });
    }

    /// Records a run that takes time.
    async fn run(&self, cx: &Context, method: Method, number: u64) {
        self.record(cx, method);
        let mut running = Running::begin(self, cx.message_id());
        sleep(Duration::from_millis(number % 8 * 40)).await;
        running.has_returned = true;
    }

    fn update(&self, id: MessageId, change: impl FnOnce(&mut Run)) {
        change(self.0.lock().unwrap().entry(id).or_default());
    }
}

/// A run that ends when it is dropped, for the handler may be aborted.
struct Running<'a> {
    runs: &'a Runs,
    id: MessageId,
    has_returned: bool,
}

impl<'a> Running<'a> {
    fn begin(runs: &'a Runs, id: MessageId) -> Self {
        runs.update(id, |run| {
            run.running_count += 1;
            run.most_at_once = run.most_at_once.max(run.running_count);
        });
        Self { runs, id, has_returned: false }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.runs.update(self.id, |run| {
            run.running_count -= 1;
            run.dropped_count += u64::from(!self.has_returned);
        });
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
    async fn at_least_later(&self, cx: &Context, number: u64) -> u64 {
        self.run(cx, Method::AtLeastLater, number).await;
        response(number)
    }
    fn at_most(&self, cx: &Context, number: u64) -> u64 {
        self.record(cx, Method::AtMost);
        response(number)
    }
    async fn at_most_later(&self, cx: &Context, number: u64) -> u64 {
        self.run(cx, Method::AtMostLater, number).await;
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
