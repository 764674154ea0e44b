use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test needs some time to start from")]
fn start() -> Instant {
    Instant::now()
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Admits a request, or returns the reason to drop it.
fn request(limiter: &mut Limiter, source: SocketAddr, now: Instant) -> Result<(), DropReason> {
    let Admission { requests, drop_reason, .. } = limiter.admit(source, 1, now);
    if requests > 0 { Ok(()) } else { Err(drop_reason) }
}

/// Returns the number of admitted requests out of `count` at the same time.
fn admitted(limiter: &mut Limiter, source: &str, now: Instant, count: usize) -> usize {
    (0..count).filter(|_| request(limiter, addr(source), now).is_ok()).count()
}

#[test]
fn each_source_has_a_bucket_that_refills() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default().requests_per_source(100), now, 1);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", now, 200), 100);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:2", now, 200), 0, "the port does not matter");
    assert_eq!(admitted(&mut limiter, "192.0.2.2:1", now, 200), 100);
    let later = now + Duration::from_millis(250);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", later, 200), 25);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", later + Duration::from_secs(60), 200), 100);
}

#[test]
fn a_batch_of_requests_is_admitted_in_part() {
    let now = start();
    let limits = Limits::default().requests_per_source(100).requests_from_unvalidated(150);
    let mut limiter = Limiter::new(limits, now, 1);
    let mut admit = |source, count| limiter.admit(addr(source), count, now);
    assert_eq!(admit("192.0.2.1:1", 60).requests, 60);
    let rest = admit("192.0.2.1:1", 60);
    assert_eq!((rest.requests, rest.drop_reason), (40, DropReason::TooManyRequests));
    assert_eq!(rest.response_bytes, 4 << 20);
    let rest = admit("192.0.2.2:1", 60);
    assert_eq!((rest.requests, rest.drop_reason), (50, DropReason::TooManyUnvalidated));
    assert_eq!(admit("192.0.2.2:1", 1).requests, 0);
    assert_eq!(admit("127.0.0.1:1", 1_000).requests, 1_000, "loopback is exempt");

    limiter.validate(addr("192.0.2.3:1"), now);
    let validated = limiter.admit(addr("192.0.2.3:1"), 200, now);
    assert_eq!((validated.requests, validated.response_bytes), (100, 64 << 20));
    assert!(validated.is_validated && !rest.is_validated);
    assert_ne!(validated.source_hash, rest.source_hash);
}

#[test]
fn memory_is_as_documented() {
    assert_eq!(Limiter::new(Limits::default(), start(), 1).sources.map.memory_len(), 228 << 10);
    assert_eq!(EvictedBuckets::MEMORY_LEN, 384 << 10);
}

#[test]
fn hosts_of_an_ipv6_network_are_one_source() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default().requests_per_source(100), now, 1);
    assert_eq!(admitted(&mut limiter, "[2001:db8::1]:1", now, 200), 100);
    assert_eq!(admitted(&mut limiter, "[2001:db8::ffff:ffff]:1", now, 200), 0);
    assert_eq!(admitted(&mut limiter, "[2001:db8:0:1::1]:1", now, 200), 100);
}

#[test]
fn unvalidated_sources_share_a_rate_that_validated_ones_are_exempt_from() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default().requests_from_unvalidated(100), now, 1);
    limiter.validate(addr("192.0.2.1:1"), now);
    let unvalidated: usize = (0..200).map(|n| admitted(&mut limiter, &format!("198.51.100.{n}:1"), now, 1)).sum();
    assert_eq!(unvalidated, 100);
    assert_eq!(request(&mut limiter, addr("203.0.113.1:1"), now), Err(DropReason::TooManyUnvalidated));
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", now, 200), 200);
}

#[test]
fn surplus_unvalidated_sources_evict_no_others() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default().requests_per_source(1).requests_from_unvalidated(10), now, 1);
    assert_eq!(request(&mut limiter, addr("192.0.2.1:1"), now), Ok(()));
    for n in 0..100_000_u32 {
        let _ = request(&mut limiter, (Ipv4Addr::from(0x0a00_0000 + n), 1).into(), now);
    }
    assert_eq!(request(&mut limiter, addr("192.0.2.1:1"), now), Err(DropReason::TooManyRequests));
}

#[test]
fn loopback_is_exempt_by_default() {
    let now = start();
    let strict = Limits::default().requests_per_source(1).response_bytes_per_source(1);
    let mut limiter = Limiter::new(strict.clone(), now, 1);
    assert_eq!(admitted(&mut limiter, "127.0.0.1:1", now, 200), 200);
    assert_eq!(admitted(&mut limiter, "[::1]:1", now, 200), 200);
    assert!(limiter.admit_response(addr("127.0.0.1:1"), 60_000, now));
    let mut limiter = Limiter::new(strict.limit_loopback(true), now, 1);
    assert_eq!(admitted(&mut limiter, "127.0.0.1:1", now, 200), 1);
}

#[test]
fn unlimited_limits_admit_everything() {
    let now = start();
    let mut limiter = Limiter::new(Limits::none(), now, 1);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", now, 1_000_000), 1_000_000);
    assert!((0..1_000).all(|_| limiter.admit_response(addr("192.0.2.1:1"), 60_000, now)));
}

#[test]
fn rate_of_zero_admits_no_request() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default().requests_per_source(0), now, 1);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", now, 10), 0);
    let mut limiter = Limiter::new(Limits::default().requests_from_unvalidated(0), now, 1);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", now, 10), 0);
    limiter.validate(addr("192.0.2.1:1"), now);
    assert_eq!(admitted(&mut limiter, "192.0.2.1:1", now, 10), 10);
}

#[test]
fn unvalidated_source_over_its_budget_gets_no_responses_and_is_dropped() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default().response_bytes_per_source(1_000), now, 1);
    let victim = addr("192.0.2.1:1");
    let bytes: usize = (0..100).filter(|_| limiter.admit_response(victim, 100, now)).map(|_| 100).sum();
    assert_eq!(bytes, 4_000);
    assert_eq!(request(&mut limiter, victim, now), Err(DropReason::ResponseBudget));
    limiter.validate(victim, now);
    assert_eq!(request(&mut limiter, victim, now), Ok(()));
    assert!((0..100).all(|_| limiter.admit_response(victim, 60_000, now)), "it has a budget of its own");
    let later = now + Limiter::VALIDATION_LIFETIME + Duration::from_secs(1);
    assert!(!limiter.admit_response(victim, 60_000, later), "validation expires");
}

#[test]
fn validated_source_over_its_budget_gets_no_responses_and_is_dropped() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default().response_bytes_per_validated_source(10_000), now, 1);
    let peer = addr("192.0.2.1:1");
    limiter.validate(peer, now);
    let mut sent = |now| -> usize { (0..1_000).filter(|_| limiter.admit_response(peer, 100, now)).map(|_| 100).sum() };
    assert_eq!(sent(now), 40_000);
    assert_eq!(sent(now + Duration::from_secs(1)), 10_000);
    let admission = limiter.admit(peer, 1, now + Duration::from_secs(1));
    assert_eq!((admission.requests, admission.drop_reason), (0, DropReason::ResponseBudget));
    limiter.validate(peer, now + Duration::from_secs(1));
    assert!(!limiter.admit_response(peer, 100, now + Duration::from_secs(1)), "a further response resets nothing");
}

/// A flood of forged requests.
struct Flood {
    limiter: Limiter,
    begin: Instant,
    /// The requests so far.
    count: u32,
}

impl Flood {
    /// Just below the limit for all unvalidated sources, which would stop the flood.
    const RATE: u32 = 490_000;

    const RESPONSE_LEN: usize = 1_200;

    fn new(limits: Limits) -> Self {
        let begin = start();
        Self { limiter: Limiter::new(limits, begin, 1), begin, count: 0 }
    }

    fn now(&self) -> Instant {
        self.begin + Duration::from_secs(1) * self.count / Self::RATE
    }

    /// Sends a request in the name of `source`. Returns the bytes of the response.
    fn send(&mut self, source: SocketAddr) -> u64 {
        self.count += 1;
        let now = self.now();
        let is_sent = request(&mut self.limiter, source, now).is_ok()
            && self.limiter.admit_response(source, Self::RESPONSE_LEN, now);
        if is_sent { Self::RESPONSE_LEN as u64 } else { 0 }
    }

    /// Sends requests in the name of other sources, never the same twice.
    fn churn(&mut self, count: u32) {
        for _ in 0..count {
            self.send((Ipv4Addr::from_bits(0x0a00_0000 + self.count), 1).into());
        }
    }

    /// Returns the bytes that a victim is sent in each of these seconds. `churn` is the number of
    /// other sources after each `burst` requests in the victim's name.
    fn victim_bytes(&mut self, victim: SocketAddr, seconds: u32, burst: u32, churn: u32) -> Vec<u64> {
        let mut bytes = vec![0; seconds as usize];
        while self.count < seconds * Self::RATE {
            for _ in 0..burst {
                let second = (self.count / Self::RATE).min(seconds - 1);
                bytes[second as usize] += self.send(victim);
            }
            self.churn(churn);
        }
        bytes
    }
}

#[test]
fn budget_of_a_victim_is_not_reset_by_churning_the_sources() {
    let limits = Limits::default().response_bytes_per_validated_source(2 << 20);
    for (is_validated, burst, churn) in
        [(false, 1, 50), (false, 4_000, 8_192), (false, 20_000, 60_000), (true, 10_000, 60_000)]
    {
        let mut flood = Flood::new(limits.clone());
        let victim = addr("192.0.2.1:7000");
        let rate = if is_validated { 2 << 20 } else { 1 << 20 };
        if is_validated {
            flood.limiter.validate(victim, flood.begin);
        }
        let bytes = flood.victim_bytes(victim, 3, burst, churn);
        let total: u64 = bytes.iter().sum();
        assert!(total <= rate * (3 + Limiter::RESPONSE_BURST_SECONDS), "{burst}, {churn}: {bytes:?}");
        assert!(bytes[0] > rate * Limiter::RESPONSE_BURST_SECONDS, "{burst}, {churn}: {bytes:?}");
        assert!(bytes[2] <= rate * 11 / 10, "{burst}, {churn}: {bytes:?}");
    }
}

#[test]
fn request_rate_of_a_source_is_not_reset_by_churning_the_sources() {
    let mut flood = Flood::new(Limits::default().requests_per_source(1_000));
    let source = addr("192.0.2.1:7000");
    let mut count = 0;
    while flood.count < 2 * Flood::RATE {
        let now = flood.now();
        count += flood.limiter.admit(source, 1_000, now).requests;
        flood.churn(8_192);
    }
    assert!((1_000..=3_100).contains(&count), "{count} in two seconds");
}

#[test]
fn honest_unvalidated_sources_are_served_while_the_sources_are_churned() {
    let mut flood = Flood::new(Limits::default());
    let honest: Vec<SocketAddr> = (1..=50).map(|host| ([192, 0, 2, host], 7000).into()).collect();
    let (mut sent, mut received) = (0, 0);
    while flood.count < 6 * Flood::RATE {
        flood.churn(500);
        for source in &honest {
            sent += 1;
            received += flood.send(*source) / Flood::RESPONSE_LEN as u64;
        }
    }
    assert_eq!(received, sent, "each of them sends 890 requests per second, for all of its budget");
}

#[test]
fn validated_sources_survive_a_flood_of_unvalidated_ones() {
    let now = start();
    let mut limiter = Limiter::new(Limits::default(), now, 1);
    let validated = addr("192.0.2.1:1");
    limiter.validate(validated, now);
    for number in 0..100_000_u32 {
        let _ = request(&mut limiter, (Ipv4Addr::from_bits(number | 0x0a00_0000), 1).into(), now);
    }
    // An unvalidated source has a twentieth of this.
    assert!((0..1_000).all(|_| limiter.admit_response(validated, 60_000, now)));
}

proptest! {
    /// Requests at any times: at most the rate and the burst are admitted.
    #[test]
    fn rate_is_enforced_over_any_time(
        rate in 1_u32..2_000, steps in proptest::collection::vec((0_u64..400, 1_usize..300), 1..60),
    ) {
        let begin = start();
        let limiter = || Limiter::new(Limits::default().requests_per_source(rate), begin, 1);
        let (mut one_by_one, mut together) = (limiter(), limiter());
        let mut now = begin;
        let (mut count, mut count_together) = (0, 0);
        for (step, (millis, requests)) in (1..).zip(steps) {
            now += Duration::from_millis(millis);
            count += admitted(&mut one_by_one, "192.0.2.1:1", now, requests);
            count_together += together.admit(addr("192.0.2.1:1"), requests, now).requests;
            let allowed = f64::from(rate) * (1.0 + (now - begin).as_secs_f64());
            prop_assert!(count as f64 <= allowed + 1.0, "{count} of {allowed}");
            // They differ by rounding.
            prop_assert!(count.abs_diff(count_together) <= step, "{count} and {count_together}");
        }
    }
}
