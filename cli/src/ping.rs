use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use rpcudp::{CallError, Refusal};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use crate::args::{DEFAULT_PING_METHOD, PingArguments};
use crate::exit::{Failure, FailureKind, is_unreachable};
use crate::interrupt::interrupted;
use crate::latencies::{Latencies, as_millis, format_millis, percent};
use crate::outcome::Outcome;
use crate::output::{self, DIM, ERROR, SUCCESS, WARNING, styled};
use crate::peer::PreparedCall;
use crate::value::Value;

/// Runs `rpcudp ping`: calls each peer until Ctrl-C or until `--count` calls are made, and prints a
/// summary of each.
pub(crate) async fn run(arguments: &PingArguments, as_json: bool) -> Result<(), Failure> {
    let PingArguments { peer, method, arguments, count, interval: pause } = arguments;
    let prepared = PreparedCall::for_each_peer(peer, method, arguments).await?;
    let shows_peer = prepared.len() > 1;
    let mut sessions: Vec<_> =
        prepared.into_iter().map(|prepared| Session::new(prepared, as_json, shows_peer)).collect();
    let (mut calls, mut rounds) = (JoinSet::new(), 0);
    let mut ticks = interval(*pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut interrupted = pin!(interrupted()?);
    loop {
        let has_sent_all = count.is_some_and(|count| rounds >= count);
        if has_sent_all && calls.is_empty() {
            break;
        }
        tokio::select! {
            _ = ticks.tick(), if !has_sent_all => {
                rounds += 1;
                sessions.iter_mut().enumerate().for_each(|(index, session)| session.call(index, &mut calls));
            }
            Some(completed) = calls.join_next() => {
                let Completed { index, number, addr, result, took } =
                    completed.expect("a call does not panic, and nothing aborts it");
                let session = &mut sessions[index];
                if let Err(error) = &result
                    && is_unreachable(error)
                    && (addr != session.prepared.target.peer.addr || session.prepared.target.try_next(error).await)
                {
                    // The peer may be at another of its addresses, so this call does not count.
                    session.sent -= 1;
                    session.call(index, &mut calls);
                    continue;
                }
                let is_unknown = matches!(result, Err(CallError::Refused { reason: Refusal::UnknownMethod, .. }));
                if is_unknown && method != DEFAULT_PING_METHOD && session.advice.is_none() {
                    session.advice = Some(tokio::spawn(session.prepared.advice_on_method()));
                }
                session.print(number, result, took)?;
            }
            () = &mut interrupted => break,
        }
    }
    let mut failure = Ok(());
    for session in sessions {
        // The last peer without a response decides the exit code.
        failure = session.summarize().await?.map_or(failure, Err);
    }
    failure
}

/// The end of a call to one of the peers.
struct Completed {
    /// The index of the peer.
    index: usize,
    number: u64,
    addr: SocketAddr,
    result: Result<Value, CallError<Value>>,
    took: Duration,
}

/// The counts and latencies of the calls to one peer.
struct Session {
    prepared: PreparedCall,
    as_json: bool,
    /// Whether each line has the address of the peer, because there are several.
    shows_peer: bool,
    latencies: Latencies,
    sent: u64,
    /// The calls that have ended. A call in flight counts neither as a response nor as lost.
    completed: u64,
    /// The error of the latest call that got no response.
    last_error: Option<CallError<Value>>,
    advice: Option<JoinHandle<Option<String>>>,
}

impl Session {
    fn new(prepared: PreparedCall, as_json: bool, shows_peer: bool) -> Self {
        let latencies = Latencies::new();
        Self { prepared, as_json, shows_peer, latencies, sent: 0, completed: 0, last_error: None, advice: None }
    }

    /// Makes a call to the peer with this index.
    fn call(&mut self, index: usize, calls: &mut JoinSet<Completed>) {
        self.sent += 1;
        let (number, addr) = (self.sent, self.prepared.target.peer.addr);
        let (call, sent) = (self.prepared.call(), Instant::now());
        calls.spawn(async move {
            let result = call.await;
            Completed { index, number, addr, result, took: sent.elapsed() }
        });
    }

    fn print(&mut self, number: u64, result: Result<Value, CallError<Value>>, took: Duration) -> Result<(), Failure> {
        if let Err(error @ (CallError::TooLarge { .. } | CallError::Encode { .. })) = result {
            // Every further call would fail in the same way.
            return Err(error.into());
        }
        self.completed += 1;
        let addr = self.prepared.target.peer.addr;
        let Outcome { name: outcome, is_response } = Outcome::of(&result);
        if is_response {
            self.latencies.record(took);
        }
        if self.as_json {
            let took = is_response.then(|| as_millis(took));
            let error = result.as_ref().err().map(ToString::to_string);
            output::json_line(&json!({
                "event": "call", "peer": addr, "number": number, "outcome": outcome, "ms": took, "error": error,
            }))?;
        } else {
            let text = match &result {
                Ok(_) => styled(SUCCESS, format!("response in {}", format_millis(took))),
                Err(error) if is_response => {
                    format!("{} ({error})", styled(SUCCESS, format!("response in {}", format_millis(took))))
                }
                Err(error) => styled(ERROR, error),
            };
            let peer = if self.shows_peer { format!("{addr} ") } else { String::new() };
            output::line(&format!("{} {peer}{text}", styled(DIM, format!("{number:>4}"))))?;
        }
        if let Err(error) = result
            && !is_response
        {
            self.last_error = Some(error);
        }
        Ok(())
    }

    /// Prints the summary. Returns the failure if no call has got a response.
    async fn summarize(self) -> Result<Option<Failure>, Failure> {
        let Self { prepared, as_json, latencies, sent, completed, last_error, advice, .. } = self;
        let advice = match advice {
            Some(advice) => advice.await.expect("the query does not panic, and nothing aborts it"),
            None => None,
        };
        let responses = latencies.count();
        let lost = completed - responses;
        let (addr, method) = (prepared.target.peer.addr, prepared.method.name());
        if as_json {
            output::json_line(&json!({
                "event": "summary", "peer": addr, "method": method, "sent": sent, "answered": responses, "lost": lost,
                "loss_percent": percent(lost, completed), "ms": latencies.as_json(), "advice": advice,
            }))?;
        } else {
            output::line(&format!("--- `{}` at {addr} ---", method.escape_debug()))?;
            let loss = format!("{:.1}% lost", percent(lost, completed));
            let loss = if lost > 0 { styled(WARNING, loss) } else { loss };
            let in_flight = sent - completed;
            let in_flight = if in_flight > 0 { format!(", {in_flight} in flight") } else { String::new() };
            output::line(&format!("{sent} calls, {responses} responses, {loss}{in_flight}"))?;
            if responses > 0 {
                output::line(&latencies.summary())?;
            }
            if let Some(advice) = advice {
                let text = format!("`{}` is an unknown method; {advice}", method.escape_debug());
                output::line(&styled(WARNING, text))?;
            }
        }
        Ok(match last_error {
            _ if responses > 0 => None,
            Some(error) if prepared.target.peer.wire.is_link() => Some(error.into()),
            Some(error) => Some(with_advice(error)),
            None => Some(Failure::new(FailureKind::Timeout, "interrupted before any response arrived")),
        })
    }
}

/// Returns the failure of a ping without responses: for a timeout, with a hint at the cause.
fn with_advice(error: CallError<Value>) -> Failure {
    let CallError::Timeout { method, peer, after, .. } = error else { return error.into() };
    let method = method.escape_debug();
    Failure::new(
        FailureKind::Timeout,
        format!(
            "`{method}`: no response from {peer} within {after:?} to any call: a Python peer does not respond to a \
             method that it does not have, so check the name `{method}`, or run `rpcudp doctor {peer}`"
        ),
    )
}
