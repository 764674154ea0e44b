use std::fmt::{self, Display, Write};

/// How many characters of what a type says against a value are kept. It may quote the value, which a stranger sent.
const MAX_CHAR_COUNT: usize = 200;

/// The beginning of a message, fit for a log and a terminal: no control characters, and no more than
/// [`MAX_CHAR_COUNT`] characters, the last of which is "…" if there were more.
pub(super) fn excerpt(message: impl Display) -> Box<str> {
    let mut excerpt = Excerpt { kept: String::new(), char_count: 0 };
    // It fails where there is enough of it, or where the message's own `Display` does.
    let _ = write!(excerpt, "{message}");
    excerpt.kept.into()
}

/// Takes the beginning of what is written to it, so that what is not kept takes no memory.
struct Excerpt {
    kept: String,
    char_count: usize,
}

impl Write for Excerpt {
    fn write_str(&mut self, message: &str) -> fmt::Result {
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

/// Whether a character stands as it is. Quotes and backslashes do: serde's own messages have escaped what they quote.
fn is_plain(char: char) -> bool {
    matches!(char, '"' | '\'' | '\\') || char.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_plain_characters_is_kept() {
        let message = r#"invalid type: string "a\nb", expected Ärger's `u8`"#;
        assert_eq!(&*excerpt(message), message);
    }

    #[test]
    fn what_would_move_a_terminals_cursor_is_escaped() {
        assert_eq!(&*excerpt("\u{1b}[2J\r\n\0\u{202e}\u{7f}"), r"\u{1b}[2J\r\n\0\u{202e}\u{7f}");
    }

    #[test]
    fn what_is_long_is_cut() {
        let kept = "ä".repeat(MAX_CHAR_COUNT - 1);
        assert_eq!(*excerpt(&kept), *kept);
        assert_eq!(*excerpt("ä".repeat(MAX_CHAR_COUNT)), format!("{kept}…"));
        // No escape is cut in two, and nothing follows the mark, however the message is written.
        let excerpt = excerpt(format_args!("{}{}{}", "x".repeat(MAX_CHAR_COUNT - 3), '\u{1b}', "more"));
        assert_eq!(*excerpt, format!("{}…", "x".repeat(MAX_CHAR_COUNT - 3)));
    }
}
