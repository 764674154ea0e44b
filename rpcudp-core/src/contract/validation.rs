//! Validation of a contract from a peer. Users print contracts on terminals and paste them into
//! sources.

/// Whether a text has the form of an identifier in Rust.
pub(super) fn is_identifier(text: &str) -> bool {
    let text = text.strip_prefix("r#").unwrap_or(text);
    let starts = text.starts_with(|character: char| character.is_alphabetic() || character == '_');
    starts && text.chars().all(|character| character.is_alphanumeric() || character == '_')
}

/// Whether a text has the form of a type or a bound: one line of visible characters with balanced
/// brackets and without comments.
pub(super) fn is_type(text: &str) -> bool {
    let mut open = Vec::new();
    let balanced = text.chars().all(|character| match character {
        '(' | '[' | '{' => {
            open.push(character);
            true
        }
        ')' => open.pop() == Some('('),
        ']' => open.pop() == Some('['),
        '}' => open.pop() == Some('{'),
        character => !is_invisible(character),
    });
    balanced && open.is_empty() && !text.contains("//") && !text.contains("/*")
}

/// Returns documentation without invisible characters, such as carriage returns and marks that
/// reverse the direction of text.
pub(crate) fn printable_doc(mut text: String) -> String {
    text.retain(|character| character == '\n' || character == '\t' || !is_invisible(character));
    text
}

/// Whether a character is invisible: a control character, or a Unicode mark that has no width or
/// reorders the text around it.
fn is_invisible(character: char) -> bool {
    let is_format = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    character.is_control() || is_format
}
