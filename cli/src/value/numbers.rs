/// Returns the first integer in a JSON text that does not fit in 64 bits. A JSON parser would read
/// it as a float.
pub(super) fn find_oversized_integer(json: &str) -> Option<&str> {
    let mut rest = json;
    while let Some(start) = rest.find(|char: char| char == '"' || char == '-' || char.is_ascii_digit()) {
        rest = &rest[start..];
        if let Some(text) = rest.strip_prefix('"') {
            rest = skip_string(text);
            continue;
        }
        let is_number_char = |char: char| char.is_ascii_digit() || matches!(char, '-' | '+' | '.' | 'e' | 'E');
        let (number, behind) = rest.split_at(rest.find(|char| !is_number_char(char)).unwrap_or(rest.len()));
        let is_integer = !number.contains(['.', 'e', 'E']);
        if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some(number);
        }
        rest = behind;
    }
    None
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
