use std::pin::pin;
use std::time::{Duration, Instant};

use rpcudp::{CallError, Refusal};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::args::{DEFAULT_PING_METHOD, PingArguments};
use crate::exit::{Failure, FailureKind, is_unreachable};
use crate::interrupt::interrupted;
use crate::latencies::{Latencies, as_millis, format_millis, percent};
use crate::outcome::Outcome;
use crate::output::{self, DIM, ERROR, SUCCESS, WARNING, styled};
use crate::peer::PreparedCall;
use crate::value::Value;

/// Runs `rpcudp ping`: calls until Ctrl-C or until `--count` calls are made, and prints a summary.
pub(crate) async fn run(arguments: &PingArguments, as_json: bool) -> Result<(), Failure> {
    let PingArguments { peer, method, arguments, count, interval: pause } = arguments;
    let mut prepared = PreparedCall::new(peer, method, arguments).await?;
    let mut session = Session { as_json, latencies: Latencies::new(), sent: 0, completed: 0, last_error: None };
    let mut calls = JoinSet::new();
    let mut advice = None;
    let mut ticks = interval(*pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut interrupted = pin!(interrupted()?);
    loop {
        let has_sent_all = count.is_some_and(|count| session.sent >= count);
        if has_sent_all && calls.is_empty() {
            break;
        }
        tokio::select! {
            _ = ticks.tick(), if !has_sent_all => {
                session.sent += 1;
                let (number, call, sent) = (session.sent, prepared.call(), Instant::now());
                let addr = prepared.target.addr;
                calls.spawn(async move { (number, addr, call.await, sent.elapsed()) });
            }
            Some(completed) = calls.join_next() => {
                let (number, addr, result, took) = completed.expect("a call does not panic, and nothing aborts it");
                if let Err(error) = &result
                    && is_unreachable(error)
                    && (addr != prepared.target.addr || prepared.target.try_next(error).await)
                {
                    // The peer may be at another of its addresses, so this call does not count.
                    session.sent -= 1;
                    ticks.reset_immediately();
                    continue;
                }
                let is_unknown = matches!(result, Err(CallError::Refused { reason: Refusal::UnknownMethod, .. }));
                if is_unknown && method != DEFAULT_PING_METHOD && advice.is_none() {
                    advice = Some(tokio::spawn(prepared.advice_on_method()));
                }
                session.print(number, result, took)?;
            }
            () = &mut interrupted => break,
        }
    }
    let advice = match advice {
        Some(advice) => advice.await.expect("the query does not panic, and nothing aborts it"),
        None => None,
    };
    session.summarize(&prepared, advice)
}

/// The counts and latencies of a run of `rpcudp ping`.
struct Session {
    as_json: bool,
    latencies: Latencies,
    sent: u64,
    /// The calls that have ended. A call in flight counts neither as a response nor as lost.
    completed: u64,
    /// The error of the latest call that got no response.
    last_error: Option<CallError<Value>>,
}

impl Session {
    fn print(&mut self, number: u64, result: Result<Value, CallError<Value>>, took: Duration) -> Result<(), Failure> {
        if let Err(error @ (CallError::TooLarge { .. } | CallError::Encode { .. })) = result {
            // Every further call would fail in the same way.
            return Err(error.into());
        }
        self.completed += 1;
        let Outcome { name: outcome, is_response } = Outcome::of(&result);
        if is_response {
            self.latencies.record(took);
        }
        if self.as_json {
            let took = is_response.then(|| as_millis(took));
            let error = result.as_ref().err().map(ToString::to_string);
            output::json_line(
                &json!({ "event": "call", "number": number, "outcome": outcome, "ms": took, "error": error }),
            )?;
        } else {
            let text = match &result {
                Ok(_) => styled(SUCCESS, format!("response in {}", format_millis(took))),
                Err(error) if is_response => {
                    format!("{} ({error})", styled(SUCCESS, format!("response in {}", format_millis(took))))
                }
                Err(error) => styled(ERROR, error),
            };
            output::line(&format!("{} {text}", styled(DIM, format!("{number:>4}"))))?;
        }
        if let Err(error) = result
            && !is_response
        {
            self.last_error = Some(error);
        }
        Ok(())
    }

    fn summarize(self, prepared: &PreparedCall, advice: Option<String>) -> Result<(), Failure> {
        let Self { as_json, latencies, sent, completed, last_error } = self;
        let responses = latencies.count();
        let lost = completed - responses;
        let (addr, method) = (prepared.target.addr, prepared.method.name());
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
        match last_error {
            _ if responses > 0 => Ok(()),
            Some(error) => Err(with_advice(error)),
            None => Err(Failure::new(FailureKind::Timeout, "interrupted before any response arrived")),
        }
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
