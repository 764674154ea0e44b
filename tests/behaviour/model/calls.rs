//! The calls of a run, and the checks of their outcomes against the model.

use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::stats::CallStats;
use rpcudp::{Dialect, DidRun, Endpoint, MessageId};
use rpcudp_core::{Frame, codec};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::history::{CallInfo, History, id_of};
use super::service::{End, Method, Outcome, Runs, TargetClient};

/// The calls of one caller to one server.
#[derive(Debug)]
pub(crate) struct Calls {
    server: SocketAddr,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    info: CallInfo,
    number: u64,
    /// The first datagram that the call sent.
    request: Option<Vec<u8>>,
    /// Taken at the end of a run.
    task: Option<JoinHandle<End>>,
    is_dropped: bool,
    /// Whether the caller has sent a cancel frame.
    is_cancelled: bool,
}

/// Everything about a run that decides its outcomes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) history: &'a History,
    /// The runs since the last start of the server.
    pub(crate) runs: &'a Runs,
    pub(crate) restart_count: u64,
    /// Whether a server was closed with a grace period.
    pub(crate) has_server_closed: bool,
}

impl Calls {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self { server, calls: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn start(&mut self, caller: &Endpoint, method: Method, timeout: Duration) {
        let number = self.calls.len() as u64;
        let client = TargetClient::new(caller, self.server);
        let task = tokio::spawn(method.call(client, number, timeout));
        let info = CallInfo { method, peer: self.server, start: Instant::now(), timeout };
        self.calls.push(Call { info, number, request: None, task: Some(task), is_dropped: false, is_cancelled: false });
    }

    /// Drops a call, unless it has ended.
    pub(crate) fn drop_call(&mut self, index: usize) {
        let call = &mut self.calls[index];
        if let Some(task) = call.task.as_ref().filter(|task| !task.is_finished()) {
            task.abort();
            call.is_dropped = true;
        }
    }

    /// Checks a datagram that the caller sent: a request, which is retransmitted unchanged, or the
    /// cancel frame of a call that was dropped.
    pub(crate) fn check_sent(&mut self, contents: &[u8]) {
        let request = match Frame::decode(contents, Dialect::Rpcudp) {
            Ok(Frame::Request(request)) => request,
            Ok(Frame::Cancel { id }) => return self.check_cancel(id),
            _ => panic!("an endpoint without services sends only requests and cancel frames: {contents:x?}"),
        };
        let number: u64 = codec::Arguments::new(request.arguments).take("number").unwrap();
        let call = &mut self.calls[number as usize];
        match &call.request {
            None => call.request = Some(contents.into()),
            Some(first) => {
                let first = Frame::decode(first, Dialect::Rpcudp);
                assert_eq!(first, Ok(Frame::Request(request)), "call {number}");
            }
        }
    }

    /// Checks that a cancel frame is the first for a call that was dropped.
    fn check_cancel(&mut self, id: MessageId) {
        let has_id = |call: &&mut Call| call.request.as_deref().and_then(id_of) == Some(id);
        let call = self.calls.iter_mut().find(has_id).expect("a call that was sent");
        let &mut Call { info, number, is_dropped, is_cancelled, .. } = call;
        assert!(is_dropped && info.method != Method::OneWay, "call {number}");
        assert!(!is_cancelled, "call {number}: a second cancel frame");
        call.is_cancelled = true;
    }

    /// Returns a future that waits for the end of every call and returns the ends, `None` for
    /// dropped calls.
    pub(crate) fn finish(&mut self) -> impl Future<Output = Vec<Option<End>>> + use<> {
        let take = |call: &mut Call| (call.task.take().expect("a run ends once"), call.number, call.is_dropped);
        let tasks: Vec<_> = self.calls.iter_mut().map(take).collect();
        async move {
            let mut ends = Vec::new();
            for (task, number, is_dropped) in tasks {
                let end = timeout(Duration::from_secs(3_600), task).await.expect("every call ends").ok();
                assert!(end.is_some() || is_dropped, "call {number} panicked");
                ends.push(end);
            }
            ends
        }
    }

    /// Checks the ends of all calls, and that the statistics count them.
    pub(crate) fn check(&self, ends: &[Option<End>], facts: Facts<'_>, stats: &CallStats) {
        check_runs(facts);
        for (call, end) in self.calls.iter().zip(ends) {
            if let Some(end) = end {
                call.check(*end, facts);
            }
        }
        self.check_stats(ends, stats);
    }

    /// Checks that no call is in flight, and that the statistics count every sent call by its
    /// outcome.
    fn check_stats(&self, ends: &[Option<End>], stats: &CallStats) {
        let outcomes = self.calls.iter().zip(ends).filter(|(call, _)| call.request.is_some());
        let sent: Vec<_> = outcomes.map(|(_, end)| end.map(|end| end.outcome)).collect();
        let count = |is: fn(Outcome) -> bool| sent.iter().filter(|outcome| outcome.is_some_and(is)).count() as u64;
        let completed_count = count(|outcome| matches!(outcome, Outcome::Value(_) | Outcome::Application(_)));
        let refused_count = count(|outcome| matches!(outcome, Outcome::Busy | Outcome::Closing | Outcome::Refused));
        assert_eq!(stats.in_flight, 0, "{stats:?}");
        assert_eq!(stats.started, sent.len() as u64, "{stats:?}");
        assert_eq!(stats.completed + stats.oneway, completed_count, "{stats:?}");
        assert_eq!(stats.refused, refused_count, "{stats:?}");
        assert_eq!(stats.undecodable, count(|outcome| outcome == Outcome::Undecodable), "{stats:?}");
        assert_eq!(stats.timed_out, count(|outcome| outcome == Outcome::TimedOut), "{stats:?}");
        assert_eq!(stats.unreachable, count(|outcome| outcome == Outcome::Unreachable), "{stats:?}");
        assert_eq!(stats.cancelled, sent.iter().filter(|outcome| outcome.is_none()).count() as u64, "{stats:?}");
        // A call whose response has arrived needs none, and a closed endpoint sends none.
        let cancelled_count = self.calls.iter().filter(|call| call.is_cancelled).count() as u64;
        assert!((cancelled_count..=stats.cancelled).contains(&stats.cancels_sent), "{cancelled_count}: {stats:?}");
    }
}

/// Checks that no request ran more often than it may since the last start of the server.
pub(crate) fn check_runs(facts: Facts<'_>) {
    for (id, run) in facts.runs.excessive() {
        // A request whose bytes were changed is another request.
        assert!(facts.history.is_tampered_with(id), "a request ran more often than it may: {run:?}");
    }
}

impl Call {
    /// Checks the end of the call against the model.
    fn check(&self, end: End, facts: Facts<'_>) {
        let End { outcome, did_run } = end;
        let &Self { info, number, ref request, .. } = self;
        let Facts { history, runs, restart_count, has_server_closed } = facts;
        let Some(id) = request.as_ref().and_then(|request| id_of(request)) else {
            // The call was never sent.
            let is_allowed = match history.closed_at {
                Some(at) if at < info.start => outcome == Outcome::Closed,
                Some(at) if at == info.start => matches!(outcome, Outcome::Closed | Outcome::TooMany),
                _ => outcome == Outcome::TooMany,
            };
            assert!(is_allowed, "call {number}: {outcome:?}: {info:?}");
            return;
        };
        if info.method == Method::OneWay {
            assert_eq!(outcome, info.method.expected_outcome(number), "call {number}");
            return;
        }
        let allowed = history.allowed_outcomes(id, info);
        assert!(allowed.contains(&outcome), "call {number}: {outcome:?}, not {allowed:?}: {info:?}");
        if history.is_tampered_with(id) {
            return;
        }
        let run_count = runs.of(id).count;
        // A server drops the handlers of others when it closes.
        assert!(runs.of(id).dropped_count == 0 || has_server_closed || restart_count > 0, "call {number}: {info:?}");
        let is_known = restart_count == 0;
        // The server remembers no request of other methods, which the network may duplicate.
        if is_known && info.method != Method::Maybe {
            let is_true = match did_run {
                // One copy may run while another is reported as unreachable.
                Some(DidRun::No) if outcome == Outcome::Unreachable => run_count == 0 || history.is_duplicated(id),
                Some(DidRun::No) => run_count == 0,
                Some(DidRun::Yes) => run_count > 0,
                _ => true,
            };
            assert!(is_true, "call {number}: {end:?} after {run_count} runs: {info:?}");
        }
        match outcome {
            Outcome::Value(_) | Outcome::Application(_) => {
                assert_eq!(outcome, info.method.expected_outcome(number), "call {number}");
                assert!(!is_known || run_count >= 1, "call {number} has a response and did not run");
            }
            Outcome::Busy | Outcome::Closing => {
                if outcome == Outcome::Busy {
                    assert!(info.method.is_async(), "call {number}: only async methods find the server busy: {info:?}");
                } else {
                    assert!(has_server_closed, "call {number}: no server was closing: {info:?}");
                }
            }
            Outcome::Refused => panic!("call {number}: the server knows the method and its arguments: {info:?}"),
            Outcome::Undecodable => panic!("call {number}: the server responds with numbers"),
            Outcome::TimedOut | Outcome::Unreachable | Outcome::Closed | Outcome::TooMany => {}
        }
    }
}
