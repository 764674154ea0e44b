use std::io;

/// Takes Ctrl-C for a wish to end, from now on, and gives what waits for it.
#[cfg(unix)]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    // Unlike `tokio::signal::ctrl_c`, which listens only once it is polled: whoever sees the first line may press it.
    let mut interrupts = signal(SignalKind::interrupt())?;
    Ok(async move { interrupts.recv().await.unwrap_or_default() })
}

/// Takes Ctrl-C for a wish to end, from now on, and gives what waits for it.
#[cfg(windows)]
pub(crate) fn interrupted() -> io::Result<impl Future<Output = ()>> {
    let mut interrupts = tokio::signal::windows::ctrl_c()?;
    Ok(async move { interrupts.recv().await.unwrap_or_default() })
}
