//! The tables.

use std::fmt::Write;

use super::callers::CallSummary;
use super::flooder::Condition;
use super::sample::Sample;
use super::scenario::{Kind, Outcome, VICTIM_COUNT, overload_rate};
use super::victim::{BURST_SECONDS, DOCUMENTED, VictimTraffic};
use crate::measuring::{grouped, spread};

/// What a sample came to, in a line.
pub(super) fn line(outcome: &Outcome) -> String {
    let Outcome { validated, unvalidated, sent, overrun, flooder_cpu, others_cpu, resident: [before, _, most], .. } =
        outcome;
    let failed = validated.failed + unvalidated.failed;
    let first = validated.first_failure.as_ref().or(unvalidated.first_failure.as_ref());
    format!(
        "known {:>7}/s p99 {:>8} us  strangers {:>7}/s p99 {:>8} us  flood {:>9}/s, overrun {:>9}/s  flooder {:>3.0} % \
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

/// The tables of all floods, and what the victim was sent.
pub(super) fn render(samples: &[Sample], kinds: &[Kind], traffic: &VictimTraffic, seed: u64) -> String {
    let mut text = format!("Seed {seed}. The median of the rounds and, in parentheses, the range.\n");
    for &kind in kinds {
        text += &flood(samples, kind);
    }
    text + &victim(traffic)
}

/// One of the two caller_kinds call, and its name.
type CallerKind = (&'static str, fn(&Outcome) -> &CallSummary);

fn flood(samples: &[Sample], kind: Kind) -> String {
    let caller_kinds: [CallerKind; 2] =
        [("known", |outcome| &outcome.validated), ("strangers", |outcome| &outcome.unvalidated)];
    let of = |condition| samples.iter().filter(move |sample| (sample.kind, sample.condition) == (kind, condition));
    let mut text = format!("\n{}:\n\n| callers | thread | calls/s | of elsewhere | of quiet |", title(kind));
    text += " p50 us | p99 us | failed |\n|";
    text += &" --- |".repeat(8);
    text += "\n";
    for (name, called) in caller_kinds {
        for condition in Condition::ALL {
            let ratios_to =
                |other| spread(ratios(samples, kind, condition, other, |outcome| called(outcome).per_second), 2);
            let [p50, p99] =
                [0, 1].map(|index| spread(of(condition).map(|sample| called(&sample.outcome).latencies[index]), 0));
            let failed: u64 = of(condition).map(|sample| called(&sample.outcome).failed).sum();
            text += &format!(
                "| {name} | {} | {} | {} | {} | {p50} | {p99} | {failed} |\n",
                condition.name(),
                spread(of(condition).map(|sample| called(&sample.outcome).per_second), 0),
                ratios_to(Condition::Elsewhere),
                ratios_to(Condition::Quiet),
            );
        }
    }
    text += "\n| thread | sent/s | no room/s | received/s | refused/s | its CPU % | our CPU % | others' CPU % |";
    text += " calls/CPU s | of quiet | MB before | MB after | MB at most |\n|";
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
        for (name, called) in caller_kinds {
            if let CallSummary { failed, first_failure: Some(first), .. } = called(&sample.outcome) {
                let condition = sample.condition.name();
                text += &format!("\nOf {name}, {condition}, {failed} calls failed in a round, the first: {first}.\n");
            }
        }
    }
    text += &dropped(samples, kind);
    text + &lookups(samples, kind)
}

/// How much there is of something in one condition for each of it in another, within rounds.
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
        Kind::Forged => format!("Valid requests in the names of {} others", grouped(VICTIM_COUNT.into(), 0)),
        Kind::Lookups => format!(
            "{} requests a second to an async method, ten times as many as may run",
            grouped(overload_rate().into(), 0)
        ),
    }
}

/// Why the endpoint dropped what it dropped of a flood.
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
    let reasons = if reasons.is_empty() { "nothing".into() } else { reasons.join(", ") };
    format!("\nDropped by the endpoint under the flood, for each second: {reasons}.\n")
}

/// What became of legitimate callers of the method that the flood calls.
fn lookups(samples: &[Sample], kind: Kind) -> String {
    let mut text = String::new();
    for condition in Condition::ALL {
        let of = |value: fn(&CallSummary) -> f64| {
            let samples = samples.iter().filter(|it| (it.kind, it.condition) == (kind, condition));
            spread(samples.filter_map(|it| it.outcome.lookups.as_ref()).map(value), 0)
        };
        let (answered, busy, failed) =
            (of(|it| it.per_second), of(|it| it.refused_per_second), of(|it| it.failed as f64));
        if kind == Kind::Lookups {
            let name = condition.name();
            writeln!(
                text,
                "\nLegitimate lookups, {name}: {answered} answered and {busy} refused as busy each second; {failed} failed."
            )
            .expect("a string takes everything");
        }
    }
    text
}

fn victim(traffic: &VictimTraffic) -> String {
    let VictimTraffic { seconds, first, total, requests_per_second, dropped } = traffic;
    let count = |count: u64| grouped(count as f64, 0);
    let dropped: Vec<_> = dropped.iter().map(|(name, count)| format!("{name} {}", grouped(*count, 0))).collect();
    format!(
        "\nOne victim, in whose name {} requests a second came for {seconds:.1} s (dropped, for each second: {}): {} bytes in \
         the first second, {} in all. Documented are {} a second and {} at once, which makes {} in that time; beyond those at \
         once came {} a second.{}\n",
        grouped(*requests_per_second, 0),
        dropped.join(", "),
        count(*first),
        count(*total),
        count(DOCUMENTED),
        count(DOCUMENTED * BURST_SECONDS),
        grouped(traffic.bound(), 0),
        grouped(traffic.beyond_burst().max(0.0), 0),
        if *total as f64 > traffic.bound() { " FAILED: that is more than documented." } else { "" },
    )
}

fn megabytes(len: usize) -> f64 {
    len as f64 / 1e6
}
