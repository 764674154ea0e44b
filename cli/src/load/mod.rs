//! `rpcudp load`: calls a method as fast as possible and shows the rate and the latencies.

mod histogram;
mod live_display;
mod tally;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use live_display::LiveDisplay;
use rpcudp::CallError;
use serde_json::json;
use tally::Tally;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::args::LoadArguments;
use crate::exit::Failure;
use crate::interrupt::interrupted;
use crate::outcome::Outcome;
use crate::output;
use crate::peer::PreparedCall;

/// The time between two drawings of the live display.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);

/// The pause of a caller after a call that failed sooner than this. It prevents a busy loop.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

/// The number of tallies that the callers share. More tallies mean less contention for their locks.
const MAX_TALLIES: usize = 16;

/// Runs `rpcudp load`, until its time is over or it is interrupted.
pub(crate) async fn run(arguments: &LoadArguments, as_json: bool) -> Result<(), Failure> {
    let LoadArguments { peer, method, arguments, concurrency, seconds } = arguments;
    let mut prepared = PreparedCall::new(peer, method, arguments).await?;
    // A first call reports a peer or a method that cannot work, before the load begins.
    match prepared.call_first_reachable().await {
        Ok(_) | Err(CallError::Application(_) | CallError::Decode { .. }) => {}
        Err(error) => return Err(prepared.failure_of(error).await),
    }

    let prepared = Arc::new(prepared);
    let interrupted = interrupted()?;
    let callers = *concurrency as usize;
    let tallies: Arc<[_]> = (0..callers.min(MAX_TALLIES)).map(|_| Mutex::new(Tally::new())).collect();
    let planned = Duration::from_secs((*seconds).into());
    let started = Instant::now();
    let end = started + planned;
    let mut tasks = JoinSet::new();
    for index in 0..callers {
        let (prepared, tallies) = (Arc::clone(&prepared), Arc::clone(&tallies));
        tasks.spawn(async move { run_caller(&prepared, &tallies[index % tallies.len()], end).await });
    }
    let live = LiveDisplay::new(planned, as_json);
    tokio::select! {
        () = watch(&live, &tallies, started) => {}
        () = sleep(end.saturating_duration_since(Instant::now())) => {}
        () = interrupted => {}
    }
    // Calls in flight count neither as responses nor as lost.
    let elapsed = started.elapsed();
    let total = sum(&tallies);
    tasks.abort_all();
    live.clear();

    if as_json {
        let mut summary = total.as_json(elapsed);
        summary["peer"] = prepared.target.peer.addr.to_string().into();
        summary["method"] = prepared.method.name().into();
        summary["concurrency"] = json!(concurrency);
        output::json_line(&summary)?;
    } else {
        let method = prepared.method.name().escape_debug();
        output::line(&format!("--- `{method}` at {}, {concurrency} calls in flight ---", prepared.target.peer.addr))?;
        for line in total.as_text(elapsed) {
            output::line(&line)?;
        }
    }
    total.into_result()
}

/// Makes one call after the other until `end`.
async fn run_caller(prepared: &PreparedCall, tally: &Mutex<Tally>, end: Instant) {
    loop {
        let started = Instant::now();
        if started >= end {
            return;
        }
        let result = prepared.call().await;
        let took = started.elapsed();
        let outcome = Outcome::of(&result);
        lock(tally).record(outcome, took, result.err());
        if !outcome.is_response && took < FAILURE_PAUSE {
            sleep(FAILURE_PAUSE).await;
        }
    }
}

/// Draws the live display periodically. Never completes.
async fn watch(live: &LiveDisplay, tallies: &[Mutex<Tally>], started: Instant) {
    let mut ticks = interval(REDRAW_INTERVAL);
    loop {
        ticks.tick().await;
        live.draw(&sum(tallies), started.elapsed());
    }
}

fn sum(tallies: &[Mutex<Tally>]) -> Tally {
    let mut total = Tally::new();
    tallies.iter().for_each(|tally| total.add(&lock(tally)));
    total
}

fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
