use std::path::PathBuf;
use std::time::Duration;
use std::{error, fmt, io};

use crate::Package;

/// The reason that there is no virtual environment. Each message suggests a fix.
#[derive(Debug)]
pub(crate) enum VenvError {
    /// The interpreter cannot be run.
    NoPython { command: String, source: io::Error },
    /// The interpreter is older than what the packages need.
    OldPython { command: String, version: String },
    /// A step failed.
    Failed { step: Step, output: String },
    /// A step did not end in time.
    TooSlow { step: Step, limit: Duration },
    /// A file or a directory could not be written, moved or removed.
    Io { path: PathBuf, source: io::Error },
}

/// A step in the creation of a virtual environment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    AskVersion,
    CreateVenv,
    Install(Package),
}

impl fmt::Display for VenvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPython { command, source } => write!(
                f,
                "`{command}` cannot be run ({source}): install Python 3.11 or later, or name an interpreter in the \
                 variable PYTHON"
            ),
            Self::OldPython { command, version } => write!(
                f,
                "`{command}` is Python {version}, and the packages need 3.11 or later: install one, or name another \
                 interpreter in the variable PYTHON"
            ),
            Self::Failed { step, output } => write!(f, "{step} failed: {}\n{}", step.advice(), output.trim_end()),
            Self::TooSlow { step, limit } => write!(f, "{step} took longer than {limit:?}: {}", step.advice()),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl error::Error for VenvError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::NoPython { source, .. } | Self::Io { source, .. } => Some(source),
            Self::OldPython { .. } | Self::Failed { .. } | Self::TooSlow { .. } => None,
        }
    }
}

impl Step {
    fn advice(self) -> &'static str {
        match self {
            Self::AskVersion => "name another interpreter in the variable PYTHON",
            Self::CreateVenv => "install Python's module `venv` (Debian and Ubuntu: the package `python3-venv`)",
            Self::Install(_) => "these tests need PyPI, or an index that the variable PIP_INDEX_URL names",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AskVersion => f.write_str("asking Python for its version"),
            Self::CreateVenv => f.write_str("creating a virtual environment"),
            Self::Install(package) => write!(f, "installing {package} with pip"),
        }
    }
}
