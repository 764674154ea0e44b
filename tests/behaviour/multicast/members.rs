//! The members' side: a response waits for a random part of the window that the request names.

use std::time::Duration;

use rpcudp::sim::Conditions;
use rpcudp::{All, Endpoint};
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Dialect, Frame, MessageId, Request, codec};
use tokio::time::{Instant, sleep};

use super::{GROUP, Lan, MemberServer, Numbered, collect};
use crate::support::{bind, ms, receive, request, seeds, send};

const SECOND: Duration = Duration::from_secs(1);

/// Returns the number of responses in each tenth of the spread. The round trip takes 10 ms.
async fn histogram<T>(all: All<T>, spread: Duration) -> [u32; 10] {
    let (results, _) = collect(all).await;
    let mut tenths = [0; 10];
    for (_, result, at) in results {
        assert!(result.is_ok());
        assert!(at >= ms(10) && at <= ms(10) + spread, "{at:?}");
        let tenth = 10 * (at - ms(10)).as_millis() / (spread.as_millis() + 1);
        tenths[tenth as usize] += 1;
    }
    tenths
}

#[tokio::test(start_paused = true)]
async fn responses_of_a_thousand_members_spread_evenly_over_the_window() {
    let lan = Lan::new(1, 1_000);
    let client = lan.client();
    for (name, tenths) in [
        // Half of the window by default.
        ("sync", histogram(client.number().all().within(2 * SECOND), SECOND).await),
        ("async", histogram(client.once().all().within(2 * SECOND), SECOND).await),
        ("chosen", histogram(client.repeat().all().within(SECOND).spread(ms(900)), ms(900)).await),
    ] {
        assert_eq!(tenths.iter().sum::<u32>(), 1_000, "{name}: {tenths:?}");
        // 100 is the mean of each, and 9.5 the standard deviation.
        assert!(tenths.iter().all(|count| (60..=140).contains(count)), "{name}: {tenths:?}");
    }
    assert_eq!(lan.runs(), 3_000);
    // Without a spread, all of them respond at once.
    let (results, _) = collect(client.number().all().spread(Duration::ZERO)).await;
    assert!(results.len() == 1_000 && results.iter().all(|(.., at)| *at == ms(10)));
}

#[tokio::test(start_paused = true)]
async fn slow_handlers_respond_when_they_end_and_no_response_waits_longer_than_5_s() {
    let lan = Lan::new(1, 100);
    let (results, _) = collect(lan.client().number_after(700).all().within(SECOND)).await;
    assert!(results.len() == 100 && results.iter().all(|(.., at)| *at == ms(710)), "the half of a second is over");

    let (results, end) = collect(lan.client().number().all().within(60 * SECOND)).await;
    let last = results.iter().map(|(.., at)| *at).max().unwrap();
    assert!(results.len() == 100 && last > 4 * SECOND && last <= ms(5_010), "{last:?}");
    assert_eq!(end, 60 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn at_most_once_methods_run_once_at_each_member() {
    for seed in seeds(5) {
        let lan = Lan::new(seed, 20);
        lan.network.set_conditions(Lan::quiet().duplication(1.0).jitter(ms(50)));
        let (results, _) = collect(lan.client().once().all().within(2 * SECOND)).await;
        assert_eq!((results.len(), lan.runs()), (20, 20), "seed {seed}");
        assert!(results.iter().all(|(_, result, _)| result.is_ok()), "seed {seed}");
    }
}

/// Requests as an attacker sends them, each with the longest window that the field can name.
#[tokio::test(start_paused = true)]
async fn hostile_windows_hold_a_bounded_number_of_responses() {
    let lan = Lan::new(1, 0);
    lan.network.set_conditions(Conditions::default());
    let builder = Endpoint::builder().trusted_network();
    let service = MemberServer::new(Numbered { number: 1, runs: lan.runs.clone() });
    let server = bind(&lan.network, "10.9.0.1:7000", builder.serve(service));
    let attacker = lan.network.bind("10.9.0.2:7000").unwrap();
    let count = 5_000_u32;
    for number in 0..count {
        let mut id = [0; MessageId::LEN];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let mut datagram = request(id, "bytes", &[&200_usize]);
        let body_len = datagram.len() - HEADER_LEN;
        Request::end(&mut datagram, Duration::from_secs(3_600));
        Request::add_response_window(&mut datagram, body_len, Duration::MAX);
        send(&attacker, server.local_addr(), &datagram);
    }
    let mut at_once = 0;
    loop {
        let received = receive(&attacker).await.len();
        at_once += received;
        if received == 0 {
            break;
        }
    }
    // A waiting response takes its length and 512 bytes of 1 MiB.
    let waiting = (1 << 20) / (512 + 22 + 203);
    assert!((at_once as i64 - (i64::from(count) - waiting)).abs() < 20, "{at_once} at once, {waiting} wait");
    sleep(5 * SECOND).await;
    let mut later = 0;
    loop {
        let received = receive(&attacker).await.len();
        later += received;
        if received == 0 {
            break;
        }
    }
    assert_eq!(at_once + later, count as usize);
}

#[tokio::test(start_paused = true)]
async fn closing_member_sends_the_responses_that_wait_within_its_grace() {
    let lan = Lan::new(1, 50);
    let results = tokio::spawn(collect(lan.client().number().all().within(4 * SECOND)));
    sleep(ms(20)).await;
    let start = Instant::now();
    let closing: Vec<_> = lan.members.iter().map(|member| member.close(10 * SECOND)).collect();
    for closed in closing {
        closed.await;
    }
    assert!(start.elapsed() > SECOND && start.elapsed() <= 2 * SECOND, "{:?}", start.elapsed());
    assert_eq!(results.await.unwrap().0.len(), 50);

    let lan = Lan::new(2, 50);
    let results = tokio::spawn(collect(lan.client().number().all().within(4 * SECOND)));
    sleep(ms(20)).await;
    let start = Instant::now();
    for member in &lan.members {
        member.close(Duration::ZERO).await;
    }
    assert!(start.elapsed() < ms(10), "without a grace, no response holds up the end: {:?}", start.elapsed());
    assert!(results.await.unwrap().0.len() < 10);
}

/// As a Python caller sends it: without a trailer.
#[tokio::test(start_paused = true)]
async fn requests_without_a_window_get_responses_at_once() {
    let lan = Lan::new(1, 5);
    let python = lan.network.bind("10.9.0.2:7000").unwrap();
    send(&python, GROUP.parse().unwrap(), &request([7; MessageId::LEN], "number", &[]));
    sleep(ms(10)).await;
    let responses = receive(&python).await;
    let mut numbers: Vec<u32> = responses
        .iter()
        .map(|response| {
            let Ok(Frame::Response(response)) = Frame::decode(response, Dialect::Rpcudp) else { panic!("no response") };
            codec::decode(response.body).unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}
