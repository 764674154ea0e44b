use std::error::Error;
use std::fmt;

/// An error of a [`Storage`](crate::Storage).
#[derive(Debug)]
pub struct StorageError {
    operation: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl StorageError {
    /// Creates an error of an operation, for example "writing values".
    #[must_use]
    pub fn new(operation: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { operation, source: source.into() }
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.operation, self.source)
    }
}

impl Error for StorageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
