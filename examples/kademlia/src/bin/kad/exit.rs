use std::error::Error;
use std::process::ExitCode;

/// The result of a command. An error exits with 1.
pub(crate) type CommandResult = Result<ExitCode, Box<dyn Error>>;

/// The exit code of a command that did not find a value or a node.
pub(crate) const NOT_FOUND: u8 = 2;
