use std::borrow::Cow;
use std::iter::from_fn;
use std::ops::Range;

/// Returns the first integer in a JSON text that does not fit in 64 bits. A JSON parser would read
/// it as a float.
pub(super) fn find_oversized_integer(json: &str) -> Option<&str> {
    numbers(json).map(|at| &json[at]).find(|number| {
        let is_integer = !number.contains(['.', 'e', 'E']);
        is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err()
    })
}

/// Returns a JSON text with `0` in place of the integer `-0`, which a JSON parser would read as a
/// float.
pub(super) fn without_negative_zero(json: &str) -> Cow<'_, str> {
    let signs: Vec<_> = numbers(json).filter(|at| &json[at.clone()] == "-0").map(|at| at.start).collect();
    if signs.is_empty() {
        return json.into();
    }
    json.char_indices().filter(|(at, _)| !signs.contains(at)).map(|(_, char)| char).collect()
}

/// Returns the places of the numbers in a JSON text.
fn numbers(json: &str) -> impl Iterator<Item = Range<usize>> {
    let mut rest = json;
    from_fn(move || {
        loop {
            let start = rest.find(|char: char| char == '"' || char == '-' || char.is_ascii_digit())?;
            rest = &rest[start..];
            if let Some(text) = rest.strip_prefix('"') {
                rest = skip_string(text);
                continue;
            }
            let is_number_char = |char: char| char.is_ascii_digit() || matches!(char, '-' | '+' | '.' | 'e' | 'E');
            let len = rest.find(|char| !is_number_char(char)).unwrap_or(rest.len());
            let at = json.len() - rest.len();
            rest = &rest[len..];
            return Some(at..at + len);
        }
    })
}

/// Returns the text after a string, given the text after its opening quote.
fn skip_string(text: &str) -> &str {
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            '"' => break,
            _ => {}
        }
    }
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_lose_a_negative_sign_before_zero() {
        for (json, expected) in [
            ("-0", "0"),
            ("[-0, -0.0, -01, \"-0\", -0e1, -0]", "[0, -0.0, -01, \"-0\", -0e1, 0]"),
            ("[0, -1]", "[0, -1]"),
        ] {
            assert_eq!(without_negative_zero(json), expected, "{json}");
        }
    }

    #[test]
    fn only_integers_beyond_64_bits_are_found() {
        for (json, expected) in [
            ("18446744073709551615", None),
            ("-9223372036854775808", None),
            ("18446744073709551616", Some("18446744073709551616")),
            ("[1, -9223372036854775809]", Some("-9223372036854775809")),
            (r#"{"99999999999999999999": 1e30, "a\"b": 99999999999999999999.0}"#, None),
            (r#"["\\", 99999999999999999999]"#, Some("99999999999999999999")),
            ("", None),
        ] {
            assert_eq!(find_oversized_integer(json), expected, "{json}");
        }
    }
}
