//! Calls as often as it goes, and shows what comes of it.

mod histogram;
mod live;
mod tally;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use live::Live;
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
use crate::peer::Callee;

/// How often the picture is drawn anew.
const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// How long a caller waits whose request did not leave or came back, so that it makes no busy loop of it.
const AFTER_BOUNCE: Duration = Duration::from_millis(10);

/// How many tallies the callers share, so that they seldom wait for each other.
const MAX_TALLIES: usize = 16;

pub(crate) async fn run(arguments: &LoadArguments, as_json: bool) -> Result<(), Failure> {
    let LoadArguments { peer, method, arguments, concurrency, seconds } = arguments;
    let callee = Arc::new(Callee::new(peer, method, arguments).await?);
    // What cannot work at all is said at once, and not after some seconds of trying.
    match callee.call().await {
        Ok(_) | Err(CallError::Application(_) | CallError::Decode { .. }) => {}
        Err(error) => return Err(error.into()),
    }

    let interrupted = interrupted()?;
    let callers = *concurrency as usize;
    let tallies: Arc<[_]> = (0..callers.min(MAX_TALLIES)).map(|_| Mutex::new(Tally::new())).collect();
    let planned = Duration::from_secs((*seconds).into());
    let started = Instant::now();
    let end = started + planned;
    let mut tasks = JoinSet::new();
    for index in 0..callers {
        let (callee, tallies) = (Arc::clone(&callee), Arc::clone(&tallies));
        tasks.spawn(async move { keep_calling(&callee, &tallies[index % tallies.len()], end).await });
    }
    let live = Live::new(planned, as_json);
    tokio::select! {
        () = watch(&live, &tallies, started) => {}
        () = sleep(end.saturating_duration_since(Instant::now())) => {}
        () = interrupted => {}
    }
    // Calls that are under way are neither answered nor lost.
    let elapsed = started.elapsed();
    let total = sum(&tallies);
    tasks.abort_all();
    live.clear();

    if as_json {
        let mut summary = total.as_json(elapsed);
        summary["peer"] = callee.addr.to_string().into();
        summary["method"] = callee.method.name().into();
        summary["concurrency"] = json!(concurrency);
        output::json_line(&summary)?;
    } else {
        let method = callee.method.name().escape_debug();
        output::line(&format!("--- `{method}` at {}, {concurrency} calls at once ---", callee.addr))?;
        for line in total.as_text(elapsed) {
            output::line(&line)?;
        }
    }
    total.into_result()
}

async fn keep_calling(callee: &Callee, tally: &Mutex<Tally>, end: Instant) {
    loop {
        let started = Instant::now();
        if started >= end {
            return;
        }
        let result = callee.call().await;
        let took = started.elapsed();
        let outcome = Outcome::of(&result);
        lock(tally).record(outcome, took, result.err());
        if !outcome.is_answer && took < AFTER_BOUNCE {
            sleep(AFTER_BOUNCE).await;
        }
    }
}

/// Draws again and again. Never ends.
async fn watch(live: &Live, tallies: &[Mutex<Tally>], started: Instant) {
    let mut ticks = interval(REDRAW_EVERY);
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
