use serde::Deserialize;

/// The outcome of a call that a Python peer made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The call returned `(True, value)`. The description names the value and each of its types:
    /// `list [int 1, bytes b'a']`.
    Returned(String),
    /// The call returned `(False, None)`, after the peer's `wait_timeout`.
    TimedOut,
    /// The call raised an exception.
    Raised {
        /// The class of the exception.
        kind: String,
        /// The text of the exception.
        message: String,
    },
}

impl CallOutcome {
    /// Creates the outcome of a call that returned the described value.
    #[must_use]
    pub fn returned(description: impl Into<String>) -> Self {
        Self::Returned(description.into())
    }
}
