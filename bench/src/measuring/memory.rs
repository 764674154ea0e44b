use std::fs;

use nix::unistd::{SysconfVar, sysconf};

use super::BoxError;

/// Returns the resident memory of this process in bytes.
///
/// # Errors
///
/// Returns an error if the system does not report it.
pub(crate) fn resident_len() -> Result<usize, BoxError> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).ok_or("/proc/self/statm has no second field")?.parse()?;
    let page_len = sysconf(SysconfVar::PAGE_SIZE)?.ok_or("the system reports no page size")?;
    Ok(pages * usize::try_from(page_len)?)
}
