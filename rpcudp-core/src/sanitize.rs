use std::fmt::{self, Display, Write};

/// The maximum number of characters of a message. A message may quote the value, which a remote
/// peer sent.
const MAX_CHAR_COUNT: usize = 200;

/// Returns the start of a message, safe for logs and terminals. Escapes control characters, and
/// truncates to [`MAX_CHAR_COUNT`] characters, of which the last is then "…".
pub(crate) fn sanitized(message: impl Display) -> Box<str> {
    let mut sanitized = Sanitizer { kept: String::new(), char_count: 0 };
    // Fails if the message is truncated, or if the `Display` of the message fails.
    let _ = write!(sanitized, "{message}");
    sanitized.kept.into()
}

/// A writer that keeps the start of the text. The rest takes no memory.
struct Sanitizer {
    kept: String,
    char_count: usize,
}

impl Write for Sanitizer {
    fn write_str(&mut self, message: &str) -> fmt::Result {
        // Most pieces are like this. Decoding an untagged enum makes an error for each variant that
        // it tries.
        let is_plain_ascii = message.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if is_plain_ascii && self.char_count + message.len() < MAX_CHAR_COUNT {
            self.char_count += message.len();
            self.kept.push_str(message);
            return Ok(());
        }
        for char in message.chars() {
            let escape_len = if is_plain(char) { 1 } else { char.escape_debug().len() };
            if self.char_count + escape_len >= MAX_CHAR_COUNT {
                self.kept.push('…');
                return Err(fmt::Error);
            }
            self.char_count += escape_len;
            if is_plain(char) {
                self.kept.push(char);
            } else {
                self.kept.extend(char.escape_debug());
            }
        }
        Ok(())
    }
}

/// Whether a character is kept unescaped. Quotes and backslashes are, because the messages of serde
/// have already escaped their quotations.
fn is_plain(char: char) -> bool {
    matches!(char, '"' | '\'' | '\\') || char.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_of_plain_characters_is_unchanged() {
        let message = r#"invalid type: string "a\nb", expected Ärger's `u8`"#;
        assert_eq!(&*sanitized(message), message);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(&*sanitized("\u{1b}[2J\r\n\0\u{202e}\u{7f}"), r"\u{1b}[2J\r\n\0\u{202e}\u{7f}");
    }

    #[test]
    fn long_message_is_truncated() {
        let kept = "ä".repeat(MAX_CHAR_COUNT - 1);
        assert_eq!(*sanitized(&kept), *kept);
        assert_eq!(*sanitized("ä".repeat(MAX_CHAR_COUNT)), format!("{kept}…"));
        // No escape is split, and no text follows the ellipsis, however the message is written.
        let sanitized = sanitized(format_args!("{}{}{}", "x".repeat(MAX_CHAR_COUNT - 3), '\u{1b}', "more"));
        assert_eq!(*sanitized, format!("{}…", "x".repeat(MAX_CHAR_COUNT - 3)));
    }
}
