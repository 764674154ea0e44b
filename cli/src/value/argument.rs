use std::fs::File;
use std::io::{self, Read};
use std::{error, fmt};

use rpcudp_core::limits::MAX_DATAGRAM_LEN;

use super::{Value, hex, numbers};

/// Reads an argument of the command line: JSON, `hex:00ff`, `@file` for the bytes of a file, or `@-` for those of the
/// standard input.
pub(crate) fn parse(word: &str) -> Result<Value, ArgumentError> {
    if let Some(digits) = word.strip_prefix("hex:") {
        return hex::decode(digits).map(Value::Bytes).ok_or(ArgumentError::InvalidHex);
    }
    if let Some(path) = word.strip_prefix('@') {
        let bytes = if path == "-" { contents(io::stdin()) } else { File::open(path).and_then(contents) };
        let bytes = bytes.map_err(|source| ArgumentError::Unreadable { path: path.into(), source })?;
        return match bytes.len() {
            ..=MAX_DATAGRAM_LEN => Ok(Value::Bytes(bytes)),
            _ => Err(ArgumentError::OversizedFile { path: path.into() }),
        };
    }
    json(word)
}

/// Reads JSON.
fn json(text: &str) -> Result<Value, ArgumentError> {
    let value = serde_json::from_str(text).map_err(ArgumentError::InvalidJson)?;
    match numbers::find_oversized_integer(text) {
        Some(number) => Err(ArgumentError::OversizedInteger(number.into())),
        None => Ok(value),
    }
}

/// Why a word of the command line is no argument.
#[derive(Debug)]
pub(crate) enum ArgumentError {
    InvalidJson(serde_json::Error),
    OversizedInteger(Box<str>),
    InvalidHex,
    Unreadable { path: Box<str>, source: io::Error },
    OversizedFile { path: Box<str> },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidJson(error) if error.is_data() => write!(f, "is no value: {error}"),
            Self::InvalidJson(error) => write!(f, "is no JSON: {error} (a text has quotes: '\"text\"')"),
            Self::OversizedInteger(number) => write!(f, "has an integer that 64 bits do not hold: {number}"),
            Self::InvalidHex => f.write_str("has no even number of hexadecimal digits behind hex:"),
            Self::Unreadable { path, source } => write!(f, "cannot be read from {path}: {source}"),
            Self::OversizedFile { path } => {
                write!(f, "is a file of more than {MAX_DATAGRAM_LEN} bytes, which no datagram carries: {path}")
            }
        }
    }
}

impl error::Error for ArgumentError {}

/// What there is, up to one byte more than could be sent.
fn contents(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_DATAGRAM_LEN as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(word: &str) -> String {
        parse(word).unwrap_err().to_string()
    }

    #[test]
    fn words_are_json_bytes_or_files() {
        assert_eq!(parse("[1, -2.5]").unwrap(), Value::Array(vec![Value::Int(1), Value::Float(-2.5)]));
        assert_eq!(parse("hex:00Ff").unwrap(), Value::Bytes(vec![0, 255]));
        assert_eq!(parse("hex:").unwrap(), Value::Bytes(vec![]));
        assert_eq!(parse(concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap(), {
            Value::Bytes(include_bytes!("../../Cargo.toml").to_vec())
        });
    }

    #[test]
    fn what_is_no_argument_is_said() {
        assert_eq!(refused("Snake"), "is no JSON: expected value at line 1 column 1 (a text has quotes: '\"text\"')");
        assert_eq!(refused("hex:0"), "has no even number of hexadecimal digits behind hex:");
        assert_eq!(refused("[18446744073709551616]"), "has an integer that 64 bits do not hold: 18446744073709551616");
        let nested = refused(r#""hex:zz""#);
        assert!(
            nested.contains("no even number of hexadecimal digits; a text that begins so is written \"str:hex:zz\"")
        );
        assert!(refused("@/no/such/file").starts_with("cannot be read from /no/such/file: "));
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_file_is_no_argument() {
        assert_eq!(refused("@/dev/zero"), "is a file of more than 65507 bytes, which no datagram carries: /dev/zero");
    }
}
