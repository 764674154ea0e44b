use std::pin::pin;
use std::time::{Duration, Instant};

use rpcudp::CallError;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::args::PingArguments;
use crate::exit::{Failure, Kind};
use crate::interrupt::interrupted;
use crate::latencies::{Latencies, in_millis, millis, percent};
use crate::outcome::Outcome;
use crate::output::{self, FAINT, ODD, WELL, WRONG, styled};
use crate::peer::Callee;
use crate::value::Value;

/// Calls until it is interrupted or has called often enough, and summarises.
pub(crate) async fn run(arguments: &PingArguments, as_json: bool) -> Result<(), Failure> {
    let PingArguments { peer, method, arguments, count, interval: pause } = arguments;
    let callee = Callee::new(peer, method, arguments).await?;
    let mut pings = Pings { as_json, latencies: Latencies::new(), sent: 0, ended: 0, last: None };
    let mut calls = JoinSet::new();
    let mut ticks = interval(*pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut interrupted = pin!(interrupted()?);
    loop {
        let has_sent_all = count.is_some_and(|count| pings.sent >= count);
        if has_sent_all && calls.is_empty() {
            break;
        }
        tokio::select! {
            _ = ticks.tick(), if !has_sent_all => {
                pings.sent += 1;
                let (number, call, sent) = (pings.sent, callee.call(), Instant::now());
                calls.spawn(async move { (number, call.await, sent.elapsed()) });
            }
            Some(ended) = calls.join_next() => {
                let (number, result, took) = ended.expect("a call does not panic, and nothing aborts it");
                pings.show(number, result, took)?;
            }
            () = &mut interrupted => break,
        }
    }
    pings.summarize(&callee)
}

struct Pings {
    as_json: bool,
    latencies: Latencies,
    sent: u64,
    /// Those that wait when it is interrupted are neither answered nor lost.
    ended: u64,
    /// How the last of those ended that were not answered.
    last: Option<CallError<Value>>,
}

impl Pings {
    fn show(&mut self, number: u64, result: Result<Value, CallError<Value>>, took: Duration) -> Result<(), Failure> {
        if let Err(error @ (CallError::TooLarge { .. } | CallError::Encode { .. })) = result {
            // No other call will be sent either.
            return Err(error.into());
        }
        self.ended += 1;
        let Outcome { name: outcome, is_answer } = Outcome::of(&result);
        if is_answer {
            self.latencies.record(took);
        }
        if self.as_json {
            let took = is_answer.then(|| in_millis(took));
            let error = result.as_ref().err().map(ToString::to_string);
            output::json_line(
                &json!({ "event": "call", "number": number, "outcome": outcome, "ms": took, "error": error }),
            )?;
        } else {
            let what = match &result {
                Ok(_) => styled(WELL, format!("answered in {}", millis(took))),
                Err(error) if is_answer => {
                    format!("{} ({error})", styled(WELL, format!("answered in {}", millis(took))))
                }
                Err(error) => styled(WRONG, error),
            };
            output::line(&format!("{} {what}", styled(FAINT, format!("{number:>4}"))))?;
        }
        if let Err(error) = result
            && !is_answer
        {
            self.last = Some(error);
        }
        Ok(())
    }

    fn summarize(self, callee: &Callee) -> Result<(), Failure> {
        let Self { as_json, latencies, sent, ended, last } = self;
        let answered = latencies.count();
        let lost = ended - answered;
        let (addr, method) = (callee.addr, callee.method.name());
        if as_json {
            output::json_line(&json!({
                "event": "summary", "peer": addr, "method": method, "sent": sent, "answered": answered, "lost": lost,
                "loss_percent": percent(lost, ended), "ms": latencies.as_json(),
            }))?;
        } else {
            output::line(&format!("--- `{}` at {addr} ---", method.escape_debug()))?;
            let loss = format!("{:.1}% lost", percent(lost, ended));
            let loss = if lost > 0 { styled(ODD, loss) } else { loss };
            let under_way = sent - ended;
            let under_way = if under_way > 0 { format!(", {under_way} under way") } else { String::new() };
            output::line(&format!("{sent} calls, {answered} answered, {loss}{under_way}"))?;
            if answered > 0 {
                output::line(&latencies.summary())?;
            }
        }
        match last {
            _ if answered > 0 => Ok(()),
            Some(error) => Err(explained(error)),
            None => Err(Failure::new(Kind::Timeout, "interrupted before any call was answered")),
        }
    }
}

fn explained(error: CallError<Value>) -> Failure {
    let CallError::Timeout { method, peer, after } = error else { return error.into() };
    let method = method.escape_debug();
    Failure::new(
        Kind::Timeout,
        format!(
            "no call of `{method}` was answered by {peer} within {after:?}; a Python peer answers only what it has: is there \
             a method `{method}`? (`rpcudp doctor {peer}` finds out more)"
        ),
    )
}
