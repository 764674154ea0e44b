use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::measuring::{BoxError, Sample};

/// Prints a report, and writes it to the file as well, if one is named.
///
/// # Errors
///
/// Returns an error if the file cannot be written.
pub(crate) fn publish(text: &str, markdown: Option<&PathBuf>) -> Result<(), BoxError> {
    print!("{text}");
    if let Some(path) = markdown {
        fs::write(path, text)?;
    }
    Ok(())
}

/// Appends the last line to a report and publishes it: the number of samples that count, and the
/// number of failed calls, which must be zero.
///
/// # Errors
///
/// Returns the errors of [`publish`].
pub(crate) fn conclude<K>(
    mut text: String,
    samples: &[Sample<K>],
    markdown: Option<&PathBuf>,
) -> Result<ExitCode, BoxError> {
    let failed: u64 = samples.iter().map(|sample| sample.measured.failures.count).sum();
    let counted = samples.iter().filter(|sample| sample.counts()).count();
    text += &format!("\n{counted} of {} samples count. Failed calls, in all samples: {failed}.\n", samples.len());
    publish(&text, markdown)?;
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
