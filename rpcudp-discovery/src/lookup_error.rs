use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The reason why the peers of a name could not be refreshed. The peers found before stay.
///
/// A [`Change::Failed`](rpcudp::Change::Failed) of `Dns` or `Srv` holds it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LookupError {
    /// The resolver failed, or reports that the name does not exist.
    Failed {
        /// The name.
        name: Arc<str>,
        /// The resolver's error.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The name exists and has no addresses.
    NoAddresses {
        /// The name.
        name: Arc<str>,
    },
}

impl LookupError {
    pub(crate) fn failed(name: &Arc<str>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed { name: Arc::clone(name), source: Arc::new(source) }
    }

    pub(crate) fn no_addresses(name: &Arc<str>) -> Self {
        Self::NoAddresses { name: Arc::clone(name) }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { name, source } => write!(f, "cannot resolve `{name}`: {source}"),
            Self::NoAddresses { name } => write!(f, "`{name}` has no addresses"),
        }
    }
}

impl Error for LookupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed { source, .. } => Some(&**source),
            Self::NoAddresses { .. } => None,
        }
    }
}
