//! What is printed, and how.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// What is wrong.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// What deserves a look.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// What is as it should be.
pub(crate) const SUCCESS: Style = AnsiColor::Green.on_default();
/// What matters less.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Writes a line to the standard output: with its colours on a terminal, and without them elsewhere and where `NO_COLOR`
/// is set.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    // A reader at the other end of a pipe sees each line when it is written.
    out.flush()
}

/// Writes a line of JSON to the standard output.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<()> {
    line(&json(value))
}

/// JSON in one line, in which nothing reaches a terminal unescaped.
pub(crate) fn json(value: &impl Serialize) -> String {
    escape_controls(&serde_json::to_string(value).expect("what is printed has text for keys"))
}

/// Escapes what serde_json leaves in strings although a terminal may act on it. Outside of strings JSON has none of it.
pub(crate) fn escape_controls(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_control() || is_bidi_control(char) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            escaped.push(char);
        }
    }
    escaped
}

/// Whether a terminal would show what follows in another order than it was written.
fn is_bidi_control(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_apart() {
        assert_eq!([0, 999, 1_000, 8_213, 1_000_000].map(grouped), ["0", "999", "1,000", "8,213", "1,000,000"]);
    }
}
