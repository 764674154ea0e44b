//! Printing to standard output: lines, JSON, colours and escapes.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

/// The style of errors.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of warnings.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// The style of successes.
pub(crate) const SUCCESS: Style = AnsiColor::Green.on_default();
/// The style of secondary text.
pub(crate) const DIM: Style = Style::new().dimmed();

/// Writes a line to standard output. Colours are kept on a terminal, and removed elsewhere and if
/// `NO_COLOR` is set.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")?;
    // A reader of a pipe must see each line at once.
    out.flush()
}

/// Writes a value as a line of JSON to standard output.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<()> {
    line(&json(value))
}

/// Formats a value as one line of JSON, with all control characters escaped.
pub(crate) fn json(value: &impl Serialize) -> String {
    escape_controls(&serde_json::to_string(value).expect("keys of printed maps are text"))
}

/// Escapes the characters that serde_json leaves in strings although a terminal interprets them, or
/// a program ends a line at them, as Python's `splitlines` does.
/// JSON contains none of them outside strings.
pub(crate) fn escape_controls(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for char in json.chars() {
        if char.is_control() || is_line_separator(char) || is_bidi_control(char) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            escaped.push(char);
        }
    }
    escaped
}

fn is_line_separator(char: char) -> bool {
    matches!(char, '\u{2028}' | '\u{2029}')
}

/// Whether the character changes the direction in which a terminal shows text.
fn is_bidi_control(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Formats text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Formats a whole number with commas between the thousands.
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
    use super::{grouped, json};

    #[test]
    fn line_of_json_is_one_line_to_every_program() {
        assert_eq!(json(&"a\u{2028}b\u{2029}c\u{85}d\ne"), r#""a\u2028b\u2029c\u0085d\ne""#);
    }

    #[test]
    fn thousands_are_separated() {
        assert_eq!([0, 999, 1_000, 8_213, 1_000_000].map(grouped), ["0", "999", "1,000", "8,213", "1,000,000"]);
    }
}
