use std::fs::File;
use std::io::{self, Read};
use std::{error, fmt};

use rpcudp_core::limits::MAX_DATAGRAM_LEN;

use super::json::FromJson;
use super::{Value, hex, numbers};

/// Parses an argument of the command line: JSON, `hex:00ff`, `str:text`, `@file` for the bytes of a
/// file, or `@-` for the bytes of standard input. A file has at most `max_file_len` bytes.
pub(crate) fn parse(word: &str, max_file_len: usize) -> Result<Value, ArgumentError> {
    if let Some(digits) = word.strip_prefix("hex:") {
        return hex::decode(digits).map(Value::Bytes).ok_or(ArgumentError::InvalidHex);
    }
    if let Some(text) = word.strip_prefix("str:") {
        return Ok(Value::Text(text.into()));
    }
    if let Some(path) = word.strip_prefix('@') {
        let contents = |from: &mut dyn Read| contents(from, max_file_len);
        let bytes = if path == "-" {
            contents(&mut io::stdin())
        } else {
            File::open(path).and_then(|mut file| contents(&mut file))
        };
        let bytes = bytes.map_err(|source| ArgumentError::Unreadable { path: path.into(), source })?;
        return if bytes.len() > max_file_len {
            Err(ArgumentError::OversizedFile { path: path.into(), limit: max_file_len })
        } else {
            Ok(Value::Bytes(bytes))
        };
    }
    json(word)
}

/// Parses JSON.
fn json(text: &str) -> Result<Value, ArgumentError> {
    let FromJson(value) = serde_json::from_str(&numbers::without_negative_zero(text))
        .map_err(|source| ArgumentError::InvalidJson { source, damage: QuoteDamage::of(text) })?;
    match numbers::find_oversized_integer(text) {
        Some(number) => Err(ArgumentError::OversizedInteger(number.into())),
        None => Ok(value),
    }
}

/// The reason that a word of the command line is not an argument.
#[derive(Debug)]
pub(crate) enum ArgumentError {
    InvalidJson { source: serde_json::Error, damage: Option<QuoteDamage> },
    OversizedInteger(Box<str>),
    InvalidHex,
    Unreadable { path: Box<str>, source: io::Error },
    OversizedFile { path: Box<str>, limit: usize },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidJson { source, .. } if source.is_data() => write!(f, "is not a value: {source}"),
            Self::InvalidJson { damage: Some(damage), .. } => write!(f, "is not JSON: {damage}"),
            Self::InvalidJson { source, damage: None } => write!(f, "is not JSON: {source}"),
            Self::OversizedInteger(number) => write!(f, "has an integer that does not fit in 64 bits: {number}"),
            Self::InvalidHex => f.write_str("needs an even number of hexadecimal digits after hex:"),
            Self::Unreadable { path, source } => write!(f, "cannot be read from {path}: {source}"),
            Self::OversizedFile { path, limit: MAX_DATAGRAM_LEN } => write!(
                f,
                "is a file of more than {MAX_DATAGRAM_LEN} bytes, which exceeds the largest datagram: {path}; a peer with \
                 links takes more, at KEY@HOST:PORT"
            ),
            Self::OversizedFile { path, limit } => {
                write!(f, "is a file of more than {limit} bytes, which exceeds the largest request over a link: {path}")
            }
        }
    }
}

impl error::Error for ArgumentError {}

/// The probable cause of invalid JSON: a shell has changed its quotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QuoteDamage {
    /// Text without quotes. Every shell removes those of `"text"`, and Windows PowerShell also
    /// those of `'"text"'`.
    BareText(Box<str>),
    /// An array or object with text but without double quotes: an `sh` removes those that are not
    /// in single quotes, and Windows PowerShell those that have no backslash.
    NoDoubleQuotes,
    /// Single quotes, which cmd does not remove.
    SingleQuotes,
}

impl QuoteDamage {
    fn of(word: &str) -> Option<Self> {
        let has_letters = word.contains(char::is_alphabetic);
        match word.chars().next()? {
            '\'' => Some(Self::SingleQuotes),
            '[' | '{' if !word.contains('"') && has_letters => Some(Self::NoDoubleQuotes),
            '[' | '{' | '"' => None,
            _ if word.contains('"') || !has_letters => None,
            _ => Some(Self::BareText(word.into())),
        }
    }
}

impl fmt::Display for QuoteDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareText(text) if text.chars().all(is_safe_in_double_quotes) => {
                let is_word = text.chars().all(|char| char.is_alphanumeric() || "._-:/".contains(char));
                let quote = if is_word { "" } else { "\"" };
                write!(f, "if it is text, write {quote}str:{text}{quote}")
            }
            Self::BareText(_) => f.write_str("if it is text, write str: before it"),
            Self::NoDoubleQuotes => f.write_str(
                "the shell has removed its double quotes. Write them as \\\" in Windows PowerShell and cmd, and put \
                 the argument into single quotes in other shells: '[\"a\"]'",
            ),
            Self::SingleQuotes => f.write_str(
                "the shell has not removed the single quotes. In cmd, write str:text for text, and \"[\\\"a\\\"]\" for \
                 JSON",
            ),
        }
    }
}

/// Whether a character stands for itself within double quotes in every shell.
fn is_safe_in_double_quotes(char: char) -> bool {
    char.is_alphanumeric() || " ,.:;_-+=/@?()'".contains(char)
}

/// Reads at most one byte more than the limit.
fn contents(from: &mut dyn Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(word: &str) -> Result<Value, ArgumentError> {
        super::parse(word, MAX_DATAGRAM_LEN)
    }

    fn parse_error(word: &str) -> String {
        parse(word).unwrap_err().to_string()
    }

    #[test]
    fn arguments_are_json_bytes_or_files() {
        assert_eq!(parse("[1, -2.5]").unwrap(), Value::Array(vec![Value::Int(1), Value::Float(-2.5)]));
        assert_eq!(parse("hex:00Ff").unwrap(), Value::Bytes(vec![0, 255]));
        assert_eq!(parse("hex:").unwrap(), Value::Bytes(vec![]));
        assert_eq!(parse("str:Snake \"Plissken\"").unwrap(), Value::Text("Snake \"Plissken\"".into()));
        assert_eq!(parse("[-0, -0.0]").unwrap(), Value::Array(vec![Value::Int(0), Value::Float(-0.0)]));
        assert_eq!(parse(concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap(), {
            Value::Bytes(include_bytes!("../../Cargo.toml").to_vec())
        });
    }

    #[test]
    fn invalid_arguments_are_refused_with_the_reason() {
        assert_eq!(parse_error("hex:0"), "needs an even number of hexadecimal digits after hex:");
        assert_eq!(
            parse_error("[18446744073709551616]"),
            "has an integer that does not fit in 64 bits: 18446744073709551616"
        );
        let nested = parse_error(r#""hex:zz""#);
        assert!(
            nested.contains("not an even number of hexadecimal digits; to pass this as text, write \"str:hex:zz\"")
        );
        assert!(parse_error("@/no/such/file").starts_with("cannot be read from /no/such/file: "));
    }

    #[test]
    fn damage_by_a_shell_is_recognized() {
        let [object, single] =
            [QuoteDamage::NoDoubleQuotes, QuoteDamage::SingleQuotes].map(|it| format!("is not JSON: {it}"));
        for (word, error) in [
            // PowerShell before 7.3 passes '"Snake"' on as Snake.
            ("Snake", "is not JSON: if it is text, write str:Snake"),
            ("Snake Plissken", "is not JSON: if it is text, write \"str:Snake Plissken\""),
            ("50% of $x", "is not JSON: if it is text, write str: before it"),
            ("nan", "is not JSON: if it is text, write str:nan"),
            // And '{"key": "value"}' as {key: value}.
            ("{key: value}", &object),
            ("[a, 1]", &object),
            // cmd passes single quotes on.
            ("'Snake", &single),
            ("'{key:", &single),
            // Other mistakes have the parser's message.
            ("[1, 2", "is not JSON: EOF while parsing a list at line 1 column 5"),
            ("{\"a\": tru}", "is not JSON: expected ident at line 1 column 10"),
            ("1 2", "is not JSON: trailing characters at line 1 column 3"),
            ("", "is not JSON: EOF while parsing a value at line 1 column 0"),
        ] {
            assert_eq!(parse_error(word), error, "{word}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_file_is_refused() {
        assert_eq!(
            parse_error("@/dev/zero"),
            "is a file of more than 65507 bytes, which exceeds the largest datagram: /dev/zero; a peer with links takes more, \
             at KEY@HOST:PORT"
        );
    }
}
