use std::error::Error;
use std::process::ExitCode;

/// What a command comes to. 2 is for what was not found, as in grep.
pub(crate) type CommandResult = Result<ExitCode, Box<dyn Error>>;

pub(crate) const NOT_FOUND: u8 = 2;
