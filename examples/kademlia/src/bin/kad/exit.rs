use std::error::Error;
use std::io;
use std::process::ExitCode;

/// The result of a command. An error exits with 1.
pub(crate) type CommandResult = Result<ExitCode, Box<dyn Error>>;

/// The exit code of a command that did not find a value or a node.
pub(crate) const NOT_FOUND: u8 = 2;

/// The exit code after the reader of standard output has closed its end, as in `kad lookup | head`:
/// the one that shells give for a program that SIGPIPE ended.
pub(crate) const READER_GONE: u8 = 141;

pub(crate) fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
