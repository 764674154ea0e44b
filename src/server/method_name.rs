use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The wire name of a request's method.
#[derive(Clone)]
pub(crate) enum MethodName {
    /// A method that a service declares.
    Declared(&'static str),
    /// A name that no service declares, for the service that takes all others. A peer chose it.
    Other(Arc<str>),
}

impl Deref for MethodName {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Declared(name) => name,
            Self::Other(name) => name,
        }
    }
}

impl fmt::Debug for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
