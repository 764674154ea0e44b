use std::error::Error;
use std::fmt;

use crate::{BootstrapError, StartError};

/// An error of [`Swarm::grow`](super::Swarm::grow).
#[derive(Debug)]
#[non_exhaustive]
pub enum GrowError {
    /// A node could not be started.
    Start(StartError),
    /// A node could not join the network.
    Bootstrap(BootstrapError),
}

impl fmt::Display for GrowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Bootstrap(error) => error.fmt(f),
        }
    }
}

impl Error for GrowError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Start(error) => error.source(),
            Self::Bootstrap(error) => error.source(),
        }
    }
}

impl From<StartError> for GrowError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

impl From<BootstrapError> for GrowError {
    fn from(error: BootstrapError) -> Self {
        Self::Bootstrap(error)
    }
}
