use std::io;

/// Handles Ctrl-C from this call on, and returns a future that completes at the first one.
#[cfg(unix)]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    // `tokio::signal::ctrl_c` would listen only once it is polled, and a user may press Ctrl-C as
    // soon as the first line is printed.
    let mut interrupts = signal(SignalKind::interrupt())?;
    Ok(async move { interrupts.recv().await.unwrap_or_default() })
}

/// Handles Ctrl-C from this call on, and returns a future that completes at the first one.
#[cfg(windows)]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupts = tokio::signal::windows::ctrl_c()?;
    Ok(async move { interrupts.recv().await.unwrap_or_default() })
}
