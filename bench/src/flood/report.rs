//! Renders the tables.

use std::fmt::Write;

use super::callers::CallSummary;
use super::flooder::Condition;
use super::greedy_source::GreedySource;
use super::kind::{Kind, VICTIM_COUNT};
use super::link_counts::LinkFigures;
use super::links::HandshakeFlood;
use super::sample::Sample;
use super::scenario::Outcome;
use super::victim::{BURST_SECONDS, VictimTraffic};
use crate::measuring::{grouped, spread};

/// Formats a sample as one line.
pub(super) fn line(outcome: &Outcome) -> String {
    let Outcome { validated, unvalidated, sent, overrun, flooder_cpu, others_cpu, resident: [before, _, most], .. } =
        outcome;
    let failed = validated.failed + unvalidated.failed;
    let first = validated.first_failure.as_ref().or(unvalidated.first_failure.as_ref());
    format!(
        "validated {:>7}/s p99 {:>8} us  unvalidated {:>7}/s p99 {:>8} us  flood {:>9}/s, overrun {:>9}/s  flooder {:>3.0} % \
         others {:>3.0} %  +{:.1} MB{}",
        grouped(validated.per_second, 0),
        grouped(validated.latencies[1], 0),
        grouped(unvalidated.per_second, 0),
        grouped(unvalidated.latencies[1], 0),
        grouped(*sent, 0),
        grouped(*overrun, 0),
        flooder_cpu * 100.0,
        others_cpu * 100.0,
        megabytes(most.saturating_sub(*before)),
        first.map(|first| format!("  {failed} FAILED, the first: {first}")).unwrap_or_default(),
    )
}

/// Renders the tables of all floods, the traffic to the victims, and the calls beside a greedy
/// source.
pub(super) fn render(
    samples: &[Sample],
    kinds: &[Kind],
    victims: &[VictimTraffic],
    greedy: &GreedySource,
    seed: u64,
) -> String {
    let mut text = format!("Seed {seed}. Medians of the rounds and, in parentheses, ranges.\n");
    for &kind in kinds {
        text += &flood(samples, kind);
    }
    text.extend(victims.iter().map(victim));
    text + &greedy_source(greedy)
}

/// The name of a kind of callers, and the results of their calls.
type CallerKind = (&'static str, fn(&Outcome) -> &CallSummary);

fn flood(samples: &[Sample], kind: Kind) -> String {
    let names = if kind.has_links() { ["over links", "plain"] } else { ["validated", "unvalidated"] };
    let caller_kinds: [CallerKind; 2] =
        [(names[0], |outcome| &outcome.validated), (names[1], |outcome| &outcome.unvalidated)];
    let of = |condition| samples.iter().filter(move |sample| (sample.kind, sample.condition) == (kind, condition));
    let mut text =
        format!("\n{}:\n\n| callers | condition | calls/s | calls/s / elsewhere | calls/s / quiet |", title(kind));
    text += " p50 us | p99 us | failed |\n|";
    text += &" --- |".repeat(8);
    text += "\n";
    for (name, calls_of) in caller_kinds {
        for condition in Condition::ALL {
            let ratios_to =
                |other| spread(ratios(samples, kind, condition, other, |outcome| calls_of(outcome).per_second), 2);
            let [p50, p99] =
                [0, 1].map(|index| spread(of(condition).map(|sample| calls_of(&sample.outcome).latencies[index]), 0));
            let failed: u64 = of(condition).map(|sample| calls_of(&sample.outcome).failed).sum();
            text += &format!(
                "| {name} | {} | {} | {} | {} | {p50} | {p99} | {failed} |\n",
                condition.name(),
                spread(of(condition).map(|sample| calls_of(&sample.outcome).per_second), 0),
                ratios_to(Condition::Elsewhere),
                ratios_to(Condition::Quiet),
            );
        }
    }
    text +=
        "\n| condition | sent/s | overrun/s | received/s | refused/s | flooder CPU % | process CPU % | others' CPU % |";
    text += " calls/CPU s | calls/CPU s / quiet | MB before | MB after | MB maximum |\n|";
    text += &" --- |".repeat(13);
    text += "\n";
    for condition in Condition::ALL {
        let column =
            |value: fn(&Outcome) -> f64, decimals| spread(of(condition).map(|it| value(&it.outcome)), decimals);
        let cells = [
            column(|it| it.sent, 0),
            column(|it| it.overrun, 0),
            column(|it| it.received, 0),
            column(|it| it.refused, 0),
            column(|it| it.flooder_cpu * 100.0, 0),
            column(|it| it.our_cpu * 100.0, 0),
            column(|it| it.others_cpu * 100.0, 0),
            column(Outcome::calls_per_cpu_second, 0),
            spread(ratios(samples, kind, condition, Condition::Quiet, Outcome::calls_per_cpu_second), 2),
            column(|it| megabytes(it.resident[0]), 1),
            column(|it| megabytes(it.resident[1]), 1),
            column(|it| megabytes(it.resident[2]), 1),
        ];
        text += &format!("| {} | {} |\n", condition.name(), cells.join(" | "));
    }
    for sample in samples.iter().filter(|sample| sample.kind == kind) {
        for (name, calls_of) in caller_kinds {
            if let CallSummary { failed, first_failure: Some(first), .. } = calls_of(&sample.outcome) {
                let condition = sample.condition.name();
                text += &format!(
                    "\nFAILED in one round, {condition}: {failed} calls of {name} callers; the first: {first}.\n"
                );
            }
        }
    }
    text += &dropped(samples, kind);
    if kind.has_links() {
        text += &links(samples, kind);
    }
    text + &lookups(samples, kind)
}

/// Renders the links of the endpoint.
fn links(samples: &[Sample], kind: Kind) -> String {
    let mut text = String::from(
        "\n| condition | handshakes under way, maximum | links at the end | established/s | failed/s | evicted/s | retried/s \
         | ignored/s |",
    );
    text += &format!("\n|{}\n", " --- |".repeat(8));
    for condition in Condition::ALL {
        let of = |value: fn(&LinkFigures) -> f64| {
            let samples = samples.iter().filter(|it| (it.kind, it.condition) == (kind, condition));
            spread(samples.map(|it| value(&it.outcome.links)), 0)
        };
        let cells = [
            of(|it| it.handshaking as f64),
            of(|it| it.up as f64),
            of(|it| it.established),
            of(|it| it.failed),
            of(|it| it.evicted),
            of(|it| it.retried),
            of(|it| it.ignored),
        ];
        text += &format!("| {} | {} |\n", condition.name(), cells.join(" | "));
    }
    let flooded = samples.iter().filter(|it| (it.kind, it.condition) == (kind, Condition::Flooded));
    if kind.is_forged() {
        let amplification = spread(flooded.clone().map(|it| it.outcome.links.amplification), 3);
        text += &format!("\nBytes sent to forged addresses for each byte from them: {amplification}.\n");
    }
    if !flooded.clone().all(|it| kind.allows(&it.outcome.links)) {
        text += "\nFAILED: the links exceed the documented limits.\n";
    }
    text
}

/// Divides a value under one condition by the value under another, in each round.
fn ratios(
    samples: &[Sample],
    kind: Kind,
    condition: Condition,
    other: Condition,
    value: impl Fn(&Outcome) -> f64,
) -> impl Iterator<Item = f64> {
    let of = move |condition| samples.iter().filter(move |it| (it.kind, it.condition) == (kind, condition));
    of(condition).filter_map(move |sample| {
        let base = of(other).find(|base| base.round == sample.round)?;
        Some(value(&sample.outcome) / value(&base.outcome))
    })
}

fn title(kind: Kind) -> String {
    match kind {
        Kind::Garbage => "Garbage from eight addresses".into(),
        Kind::LinkGarbage => "Garbage that looks like datagrams of links, from eight addresses".into(),
        Kind::RealHandshakes => format!("Handshakes from {} addresses", HandshakeFlood::SOURCE_COUNT),
        Kind::Handshakes => format!(
            "{} first datagrams of handshakes per second, from {} forged addresses",
            rate(kind),
            grouped(VICTIM_COUNT.into(), 0)
        ),
        Kind::Forged => format!("Valid requests from {} forged addresses", grouped(VICTIM_COUNT.into(), 0)),
        Kind::Lookups => format!("{} requests per second to an async method, ten times as many as can run", rate(kind)),
        Kind::Joins => format!(
            "{} requests per second to join, from {} forged addresses; the validated callers are members",
            rate(kind),
            grouped(VICTIM_COUNT.into(), 0)
        ),
    }
}

/// Formats the default rate of a flood.
fn rate(kind: Kind) -> String {
    grouped(kind.default_rate().unwrap_or_default().into(), 0)
}

/// Renders the datagrams that the endpoint dropped during the flood, by reason.
fn dropped(samples: &[Sample], kind: Kind) -> String {
    let flooded: Vec<_> = samples.iter().filter(|it| (it.kind, it.condition) == (kind, Condition::Flooded)).collect();
    let mut names: Vec<&String> =
        flooded.iter().flat_map(|sample| &sample.outcome.dropped).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let reasons = names.into_iter().map(|name| {
        let of = |sample: &&Sample| sample.outcome.dropped.iter().find(|(other, _)| other == name).map(|(_, n)| *n);
        format!("{name} {}", spread(flooded.iter().map(|sample| of(sample).unwrap_or_default()), 0))
    });
    let reasons: Vec<_> = reasons.collect();
    let reasons = if reasons.is_empty() { "none".into() } else { reasons.join(", ") };
    format!("\nDropped per second by the endpoint during the flood: {reasons}.\n")
}

/// Renders the results of the legitimate callers of the method that the flood calls.
fn lookups(samples: &[Sample], kind: Kind) -> String {
    let mut text = String::new();
    for condition in Condition::ALL {
        let of = |value: fn(&CallSummary) -> f64| {
            let samples = samples.iter().filter(|it| (it.kind, it.condition) == (kind, condition));
            spread(samples.filter_map(|it| it.outcome.lookups.as_ref()).map(value), 0)
        };
        let (completed, busy, failed) =
            (of(|it| it.per_second), of(|it| it.refused_per_second), of(|it| it.failed as f64));
        if kind == Kind::Lookups {
            let name = condition.name();
            writeln!(
                text,
                "\nLegitimate lookups, {name}: {completed} completed and {busy} refused as busy per second; {failed} failed."
            )
            .expect("a write to a string succeeds");
        }
    }
    text
}

fn victim(traffic: &VictimTraffic) -> String {
    let VictimTraffic { attack, seconds, first, total, requests_per_second, dropped } = traffic;
    let count = |count: u64| grouped(count as f64, 0);
    let dropped: Vec<_> = dropped.iter().map(|(name, count)| format!("{name} {}", grouped(*count, 0))).collect();
    format!(
        "\nAttack on {}: {} forged requests per second for {seconds:.1} s (dropped per second: {}): {} bytes in the first \
         second, {} in total. The documented bound is {} bytes per second and a burst of {}, which is {} in that time. \
         Beyond the burst, {} bytes per second were sent.{}\n",
        attack.name(),
        grouped(*requests_per_second, 0),
        dropped.join(", "),
        count(*first),
        count(*total),
        count(attack.documented()),
        count(attack.documented() * BURST_SECONDS),
        grouped(traffic.bound(), 0),
        grouped(traffic.beyond_burst().max(0.0), 0),
        if *total as f64 > traffic.bound() { " FAILED: this is above the documented bound." } else { "" },
    )
}

fn greedy_source(greedy: &GreedySource) -> String {
    let GreedySource { seconds, running, lookups } = greedy;
    format!(
        "\nOne greedy source, {} requests at once and then {} per second for handlers of 60 s: it had {running} of the \
         1,024 handlers. In {seconds:.1} s, {:.1} % of the legitimate lookups succeeded ({} per second; {} per second \
         were refused as busy, {} failed).{}\n",
        grouped(GreedySource::FIRST_COUNT.into(), 0),
        grouped(GreedySource::RATE.into(), 0),
        greedy.success() * 100.0,
        grouped(lookups.per_second, 0),
        grouped(lookups.refused_per_second, 0),
        lookups.failed,
        if greedy.is_fair() { "" } else { " FAILED: this is less than nine tenths." },
    )
}

fn megabytes(len: usize) -> f64 {
    len as f64 / 1e6
}
