use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};

/// Prints a line to standard output, and flushes it.
///
/// # Errors
///
/// Returns an error if the reader has closed its end, for which `println!` would panic.
pub(crate) fn print_line(line: &impl Display) -> io::Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints a message to standard error. It is lost if the reader has closed its end.
pub(crate) fn warn(message: &impl Display) {
    let _ = writeln!(stderr(), "kad: {message}");
}
