use std::fs;

use nix::unistd::{SysconfVar, sysconf};

use super::BoxError;

/// How many bytes of memory this process has.
///
/// # Errors
///
/// Where the system does not say.
pub(crate) fn resident_len() -> Result<usize, BoxError> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages: usize = statm.split(' ').nth(1).ok_or("/proc/self/statm has no second number")?.parse()?;
    let page_len = sysconf(SysconfVar::PAGE_SIZE)?.ok_or("the system has no page size")?;
    Ok(pages * usize::try_from(page_len)?)
}
