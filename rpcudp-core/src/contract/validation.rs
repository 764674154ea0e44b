//! What the parts of a contract may be that somebody else sends: it is printed on terminals and pasted into sources.

/// Whether this could be the name of something in Rust.
pub(super) fn is_name(text: &str) -> bool {
    let text = text.strip_prefix("r#").unwrap_or(text);
    let starts = text.starts_with(|character: char| character.is_alphabetic() || character == '_');
    starts && text.chars().all(|character| character.is_alphanumeric() || character == '_')
}

/// Whether this could be a type or a bound: one line that can be seen, whose brackets are balanced, without comments.
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
        character => !is_unseen(character),
    });
    balanced && open.is_empty() && !text.contains("//") && !text.contains("/*")
}

/// Documentation without what cannot be seen: a carriage return, or what turns the direction of a line around.
pub(crate) fn documentation(mut text: String) -> String {
    text.retain(|character| character == '\n' || character == '\t' || !is_unseen(character));
    text
}

/// Whether a character says something to a terminal instead of to its reader: controls, and the marks of Unicode that
/// have no width or reorder what is around them.
fn is_unseen(character: char) -> bool {
    let is_format = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    character.is_control() || is_format
}
