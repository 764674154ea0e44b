//! Fragments, rates, bursts and routes.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// Sends `count` datagrams of a length at once, and returns the number that arrive.
async fn count_arrivals(conditions: Conditions, count: usize, len: usize) -> usize {
    let (_network, a, b) = pair(conditions);
    (0..count).for_each(|_| send(&a, &b, &vec![7; len]));
    arrivals(&b).await.len()
}

#[tokio::test(start_paused = true)]
async fn datagram_is_lost_if_one_of_its_fragments_is() {
    let fragmented = Conditions::default().loss(0.05).fragments(1_472);
    // 0.95^41 = 0.122
    let count = count_arrivals(fragmented.clone(), 5_000, 60_000).await;
    assert!((520..700).contains(&count), "{count}");
    // One fragment, and two.
    let count = count_arrivals(fragmented.clone(), 5_000, 1_472).await;
    assert!((4_680..4_820).contains(&count), "{count}");
    let count = count_arrivals(fragmented, 5_000, 1_473).await;
    assert!((4_430..4_600).contains(&count), "{count}");
}

#[tokio::test(start_paused = true)]
async fn fragments_without_loss_arrive_as_one_datagram() {
    let (network, a, b) = pair(Conditions::default().fragments(10));
    send(&a, &b, &[7; 95]);
    send(&a, &b, b"");
    assert_eq!(arrivals(&b).await, [(0, vec![7; 95]), (0, vec![])]);
    assert_eq!(network.stats().delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn rate_spaces_datagrams_and_its_queue_drops_the_rest() {
    let (network, a, b) = pair(Conditions::default().latency(ms(5)).rate(100_000, 3_000));
    (0..10).for_each(|number| send(&a, &b, &[number; 1_000]));
    tokio::time::sleep(ms(25)).await;
    send(&a, &b, &[10; 1_000]);
    let start = Instant::now() - ms(25);
    let arrived: Vec<_> = arrivals(&b).await.into_iter().map(|(at, contents)| (at, contents[0])).collect();
    assert_eq!(start.elapsed() - ms(60_000), ms(45));
    // Three datagrams fill the queue. After 25 ms, half of one is left.
    assert_eq!(arrived, [(0, 0), (0, 1), (10, 2), (20, 10)]);
    assert_eq!(network.stats().overflowed, 7);
}

#[tokio::test(start_paused = true)]
async fn idle_link_takes_a_datagram_longer_than_its_queue() {
    let (_network, a, b) = pair(Conditions::default().rate(10_000, 100));
    send(&a, &b, &[7; 1_000]);
    send(&a, &b, b"x");
    assert_eq!(arrivals(&b).await, [(100, vec![7; 1_000])]);
}

#[tokio::test(start_paused = true)]
async fn each_link_has_a_queue_of_its_own() {
    let (network, a, b) = pair(Conditions::default().rate(10_000, 10_000));
    let c = network.bind("10.0.0.3:7000").unwrap();
    send(&a, &b, &[7; 1_000]);
    send(&a, &c, &[7; 1_000]);
    send(&b, &a, &[7; 1_000]);
    for node in [&a, &b, &c] {
        let mut batch = ReceiveBatch::new();
        let start = Instant::now();
        poll_fn(|cx| node.poll_receive(cx, &mut batch)).await.unwrap();
        assert!(start.elapsed() <= ms(100));
    }
}

/// A link as a list of all datagrams that it took, each with the times of its transmission.
#[derive(Default)]
struct NaiveQueue(Vec<(Instant, Instant, u64)>);

impl NaiveQueue {
    /// Returns the end of the transmission, or `None` for a drop. One byte takes one millisecond.
    fn take(&mut self, now: Instant, len: u64, queue_len: u64) -> Option<Instant> {
        let unsent = |&(begin, end, len): &(Instant, Instant, u64)| {
            if now <= begin { len } else { (end.max(now) - now).as_millis() as u64 }
        };
        let queued_len: u64 = self.0.iter().map(unsent).sum();
        if queued_len > 0 && queued_len + len > queue_len {
            return None;
        }
        let begin = now + ms(queued_len);
        self.0.push((begin, begin + ms(len), len));
        Some(begin + ms(len))
    }
}

#[tokio::test(start_paused = true)]
async fn queue_agrees_with_a_naive_one() {
    for seed in 0..100 {
        let mut rng = StdRng::seed_from_u64(seed);
        let queue_len = rng.random_range(0..200);
        let (_network, a, b) = pair(Conditions::default().rate(1_000, queue_len as usize));
        let (start, mut naive, mut expected) = (Instant::now(), NaiveQueue::default(), Vec::new());
        for number in 0..60_u8 {
            let len = rng.random_range(1..80);
            if let Some(at) = naive.take(Instant::now(), len, queue_len) {
                expected.push(((at - start).as_millis(), vec![number; len as usize]));
            }
            send(&a, &b, &vec![number; len as usize]);
            tokio::time::sleep(ms(rng.random_range(0..60))).await;
        }
        // Datagrams that arrived before count as arrived now.
        let elapsed = start.elapsed().as_millis();
        expected.iter_mut().for_each(|(at, _)| *at = (*at).max(elapsed) - elapsed);
        assert_eq!(arrivals(&b).await, expected, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn bursts_have_the_configured_length_and_share() {
    let (network, a, b) = pair(Conditions::default().burst_loss(0.02, 0.2, 1.0));
    let mut is_lost = Vec::new();
    for _ in 0..20_000 {
        let lost = network.stats().lost;
        send(&a, &b, b"x");
        is_lost.push(network.stats().lost > lost);
    }
    let lost_count = is_lost.iter().filter(|is_lost| **is_lost).count();
    let burst_count = is_lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    // A share of 0.02 / 0.22 in bursts of five on average.
    assert!((1_550..2_100).contains(&lost_count), "{lost_count}");
    let mean_len = lost_count as f64 / burst_count as f64;
    assert!((4.3..5.7).contains(&mean_len), "{mean_len}");
}

#[tokio::test(start_paused = true)]
async fn loss_outside_bursts_is_independent_of_loss_inside() {
    let (network, a, b) = pair(Conditions::default().loss(0.1).burst_loss(0.1, 0.1, 0.5));
    (0..20_000).for_each(|_| send(&a, &b, b"x"));
    let lost = network.stats().lost;
    assert!((5_600..6_400).contains(&lost), "half of the datagrams are in bursts: {lost}");
}

#[tokio::test(start_paused = true)]
async fn datagrams_on_the_short_route_overtake_the_ones_on_the_long_route() {
    let (_network, a, b) = pair(Conditions::default().latency(ms(10)).route_changes(ms(100), ms(90)));
    let sender = async {
        for number in 0..=255_u8 {
            send(&a, &b, &[number]);
            tokio::time::sleep(ms(10)).await;
        }
    };
    let (arrived, ()) = tokio::join!(arrivals(&b), sender);
    let travel_times: Vec<_> = arrived.iter().map(|(at, contents)| at - u128::from(contents[0]) * 10).collect();
    assert!(travel_times.iter().all(|time| [10, 100].contains(time)), "{travel_times:?}");
    let long_count = travel_times.iter().filter(|time| **time == 100).count();
    assert!((64..192).contains(&long_count), "{long_count}");
    assert!(arrived.windows(2).any(|pair| pair[0].1 > pair[1].1), "no datagram overtook another");
}

#[tokio::test(start_paused = true)]
async fn route_changes_cost_no_time_after_a_long_silence() {
    let (_network, a, b) = pair(Conditions::default().route_changes(Duration::from_nanos(1), ms(1)));
    for _ in 0..100 {
        send(&a, &b, b"x");
        tokio::time::sleep(ms(1_000_000)).await;
    }
    assert_eq!(arrivals(&b).await.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn new_conditions_apply_to_datagrams_sent_later() {
    let (network, a, b) = pair(Conditions::default().latency(ms(100)));
    send(&a, &b, b"old route");
    network.set_link(ip("10.0.0.1"), ip("10.0.0.2"), Conditions::default().latency(ms(10)));
    send(&a, &b, b"new route");
    assert_eq!(arrivals(&b).await, [(10, b"new route".to_vec()), (100, b"old route".to_vec())]);
}
