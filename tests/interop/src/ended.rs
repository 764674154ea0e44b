use serde::Deserialize;

/// How a call ended that a Python peer made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With `(True, value)`; this describes the value, with the name of each of its types: `list [int 1, bytes b'a']`.
    Answered(String),
    /// With `(False, None)`, after the peer's `wait_timeout`.
    TimedOut,
    /// With an exception.
    Raised {
        /// Its class.
        kind: String,
        /// What it says.
        message: String,
    },
}

impl Ended {
    /// That it was answered with what this describes.
    #[must_use]
    pub fn answered(description: impl Into<String>) -> Self {
        Self::Answered(description.into())
    }
}
