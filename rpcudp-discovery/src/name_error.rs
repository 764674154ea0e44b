use std::fmt;

/// The error for a text that is not a name of the form that a source takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    name: String,
    expected: &'static str,
}

impl NameError {
    pub(crate) fn new(name: &str, expected: &'static str) -> Self {
        Self { name: name.into(), expected }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a name of peers: write {}", self.name.escape_debug(), self.expected)
    }
}

impl std::error::Error for NameError {}
