use std::fmt::{self, Write};

use super::Value;

impl fmt::Display for Value {
    /// Formats the value in one line, with control characters escaped:
    /// `{"key": hex:00ff, 5: [nil, true, 1.5]}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write_hex(f, bytes),
            Self::Array(elements) => {
                f.write_char('[')?;
                for (index, element) in elements.iter().enumerate() {
                    write!(f, "{}{element}", separator(index))?;
                }
                f.write_char(']')
            }
            Self::Map(entries) => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", separator(index))?;
                }
                f.write_char('}')
            }
            Self::Timestamp(timestamp) => write!(f, "{timestamp}"),
            Self::Ext(ext) => write!(f, "{ext}"),
        }
    }
}

fn separator(index: usize) -> &'static str {
    if index == 0 { "" } else { ", " }
}

/// Writes bytes in the syntax of the command line: `hex:00ff`.
pub(super) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("hex:")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
