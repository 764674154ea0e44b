//! The plot: calls per second on a logarithmic axis, a panel for each size and number of calls in
//! flight.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::comparison::{Comparison, Key};
use crate::contenders::Contender;
use crate::measuring::{Placement, Sample, Spread};

/// Lengths are in units of the drawing.
const PANEL_WIDTH: f64 = 330.0;
const ROW_HEIGHT: f64 = 21.0;
const PANEL_HEAD: f64 = 26.0;
const PANEL_FOOT: f64 = 30.0;
const NAMES_WIDTH: f64 = 66.0;
/// The width reserved for the figure beside a dot.
const FIGURE_WIDTH: f64 = 54.0;
const TITLE_HEIGHT: f64 = 40.0;
const CAPTION_LINE_HEIGHT: f64 = 14.0;
const CAPTION_CHARACTER_WIDTH: f64 = 5.5;
const MARGIN: f64 = 16.0;

/// Renders the plot of the placement with the most samples, because figures of two placements are
/// not comparable. Dots mark medians, lines mark ranges.
pub(super) fn render(comparison: &Comparison) -> String {
    let plot = Plot::new(comparison);
    let panel_height = PANEL_HEAD + PANEL_FOOT + ROW_HEIGHT * plot.contenders.len() as f64;
    let width = MARGIN * 2.0 + NAMES_WIDTH + PANEL_WIDTH * plot.in_flight.len() as f64;
    let caption = format!(
        "Dots: medians; lines: ranges; hollow: the kernel's ceilings; cores {}. {}",
        plot.placement, comparison.machine
    );
    let caption = wrapped(&caption, ((width - 2.0 * MARGIN) / CAPTION_CHARACTER_WIDTH) as usize);
    let head = TITLE_HEIGHT + CAPTION_LINE_HEIGHT * caption.len() as f64;
    let height = head + panel_height * plot.sizes.len() as f64 + MARGIN;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" font-size=\"12\" \
         fill=\"#24292f\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    text(&mut svg, MARGIN, 28.0, "start", "font-size=\"17\" font-weight=\"bold\"", "Echoes per second over loopback");
    for (index, line) in caption.iter().enumerate() {
        let y = TITLE_HEIGHT + 6.0 + CAPTION_LINE_HEIGHT * index as f64;
        text(&mut svg, MARGIN, y, "start", "font-size=\"10\" fill=\"#57606a\"", line);
    }
    for (row, &size) in plot.sizes.iter().enumerate() {
        let top = head + panel_height * row as f64;
        plot.names(&mut svg, top);
        for (column, &in_flight) in plot.in_flight.iter().enumerate() {
            let left = MARGIN + NAMES_WIDTH + PANEL_WIDTH * column as f64;
            plot.panel(&mut svg, size, in_flight, left, top);
        }
    }
    svg + "</svg>\n"
}

struct Plot<'a> {
    comparison: &'a Comparison,
    placement: Placement,
    axis: Axis,
    contenders: Vec<Contender>,
    sizes: Vec<usize>,
    in_flight: Vec<usize>,
}

impl<'a> Plot<'a> {
    fn new(comparison: &'a Comparison) -> Self {
        let placement = most_frequent(comparison);
        let keys = || comparison.groups.iter().flatten();
        Self {
            comparison,
            placement,
            axis: Axis::of(comparison, placement),
            contenders: Contender::ALL
                .into_iter()
                .filter(|&contender| keys().any(|key| key.contender == contender))
                .collect(),
            sizes: keys().map(|key| key.size).collect::<BTreeSet<_>>().into_iter().collect(),
            in_flight: keys().map(|key| key.in_flight).collect::<BTreeSet<_>>().into_iter().collect(),
        }
    }

    fn names(&self, svg: &mut String, top: f64) {
        for (row, contender) in self.contenders.iter().enumerate() {
            let weight = if *contender == Contender::Rpcudp { "font-weight=\"bold\"" } else { "" };
            text(svg, MARGIN + NAMES_WIDTH - 10.0, middle_of(row, top) + 4.0, "end", weight, contender.name());
        }
    }

    fn panel(&self, svg: &mut String, size: usize, in_flight: usize, left: f64, top: f64) {
        let (upper, lower) = (top + PANEL_HEAD, top + PANEL_HEAD + ROW_HEIGHT * self.contenders.len() as f64);
        let title = format!("{size} bytes, {in_flight} in flight");
        text(svg, left, top + 16.0, "start", "font-weight=\"bold\"", &title);
        for decade in self.axis.decades() {
            let x = left + self.axis.x(decade);
            line(svg, [x, upper, x, lower], "#d8dee4", 1.0);
            text(svg, x, lower + 14.0, "middle", "font-size=\"10\" fill=\"#57606a\"", &short(decade));
        }
        for (row, &contender) in self.contenders.iter().enumerate() {
            let y = middle_of(row, top);
            let Some(speed) = speed(self.comparison, self.placement, Key { size, in_flight, contender }) else {
                text(svg, left + 4.0, y + 4.0, "start", "fill=\"#8c959f\"", "no sample");
                continue;
            };
            self.dot(svg, contender, speed, left, y);
        }
    }

    fn dot(&self, svg: &mut String, contender: Contender, speed: Spread, left: f64, y: f64) {
        let Spread { median, min, max } = speed;
        let [from, to, middle] = [min, max, median].map(|value| left + self.axis.x(value));
        let colour = colour(contender);
        line(svg, [left, y, middle, y], "#eaeef2", 1.0);
        line(svg, [from, y, to, y], colour, 3.0);
        let fill = if contender.is_ceiling() { "white" } else { colour };
        writeln!(
            svg,
            "<circle cx=\"{middle:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{fill}\" stroke=\"{colour}\" \
             stroke-width=\"2\"/>"
        )
        .expect("a write to a string succeeds");
        text(svg, to.max(middle) + 9.0, y + 4.0, "start", "font-size=\"11\"", &short(median));
    }
}

/// Returns the vertical middle of a row in the panels that begin at `top`.
fn middle_of(row: usize, top: f64) -> f64 {
    top + PANEL_HEAD + ROW_HEIGHT * (row as f64 + 0.5)
}

/// Maps calls per second to a horizontal position in a panel.
struct Axis {
    /// The ends of the axis, as logarithms to the base of ten.
    from: f64,
    to: f64,
}

impl Axis {
    fn of(comparison: &Comparison, placement: Placement) -> Self {
        let keys = comparison.groups.iter().flatten();
        let speeds = keys.filter_map(|&key| speed(comparison, placement, key));
        let (min, max) = speeds.fold((f64::MAX, 1.0_f64), |(min, max), speed| (min.min(speed.min), max.max(speed.max)));
        // Some margin on both sides, and at least a decade.
        let from = (min.min(max) / 1.5).max(1.0).log10();
        Self { from, to: (max * 1.5).log10().max(from + 1.0) }
    }

    fn x(&self, value: f64) -> f64 {
        (value.max(1.0).log10() - self.from) / (self.to - self.from) * (PANEL_WIDTH - FIGURE_WIDTH)
    }

    fn decades(&self) -> impl Iterator<Item = f64> {
        (self.from.ceil() as i32..=self.to.floor() as i32).map(|exponent| 10_f64.powi(exponent))
    }
}

fn most_frequent(comparison: &Comparison) -> Placement {
    let count =
        |placement| comparison.samples.iter().filter(|sample| sample.counts() && sample.placement == placement).count();
    if count(Placement::Far) > count(Placement::Near) { Placement::Far } else { Placement::Near }
}

fn speed(comparison: &Comparison, placement: Placement, key: Key) -> Option<Spread> {
    let counts = |sample: &&Sample<Key>| sample.counts() && sample.placement == placement;
    Spread::of(comparison.all_of(key).filter(counts).map(|sample| sample.calls_per_second))
}

/// Returns the colour of a contender, from a palette that colour-blind readers can distinguish.
fn colour(contender: Contender) -> &'static str {
    match contender {
        Contender::Rpcudp => "#d55e00",
        Contender::Bare => "#57606a",
        Contender::Mmsg | Contender::Gso => "#8c959f",
        Contender::Tarpc => "#0072b2",
        Contender::Tonic => "#009e73",
        Contender::Python => "#cc79a7",
    }
}

/// Formats a number with at most three digits: 12.3k, 1.23M.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        1e6.. => (value / 1e6, "M"),
        1e3.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let decimals = if scaled >= 100.0 {
        0
    } else if scaled >= 10.0 {
        1
    } else {
        2
    };
    let digits = format!("{scaled:.decimals$}");
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{unit}")
}

/// Wraps text into lines of at most `line_len` characters, unless a word is longer.
fn wrapped(text: &str, line_len: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.len() + 1 + word.len() <= line_len) {
            Some(line) => *line += &format!(" {word}"),
            None => lines.push(word.into()),
        }
    }
    lines
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, style: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{text}</text>")
        .expect("a write to a string succeeds");
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str, width: f64) {
    writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" \
         stroke-width=\"{width}\" stroke-linecap=\"round\"/>"
    )
    .expect("a write to a string succeeds");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_at_most_three_digits() {
        for (value, text) in [(7.0, "7"), (950.0, "950"), (1000.0, "1k"), (12_345.0, "12.3k"), (1.5e6, "1.5M")] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn axis_spans_its_panel() {
        let axis = Axis { from: 3.0, to: 6.0 };
        assert_eq!((axis.x(1e3), axis.x(1e6)), (0.0, PANEL_WIDTH - FIGURE_WIDTH));
        assert_eq!(axis.decades().count(), 4);
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("a bc def ghijkl m", 4), ["a bc", "def", "ghijkl", "m"]);
    }
}
