//! The service under a stand-in for systemd: passes a socket, waits for readiness, and stops the
//! service while a handler runs.
#![cfg(unix)]

use std::io::Result;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use clock_contract::ClockClient;
use rpcudp::{CallError, Endpoint, Refusal};

/// Starts the service as systemd does. A shell moves the socket to descriptor 3 and knows the id of
/// the process.
fn start(socket: UdpSocket, notify_path: &std::path::Path) -> Result<Child> {
    let script = r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" 3<&0 </dev/null"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_clock-server")]);
    command.env("NOTIFY_SOCKET", notify_path).stdin(Stdio::from(OwnedFd::from(socket))).spawn()
}

fn received(socket: &UnixDatagram) -> Result<String> {
    let mut message = [0; 1_000];
    let len = socket.recv(&mut message)?;
    Ok(String::from_utf8_lossy(&message[..len]).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn service_is_ready_serves_the_passed_socket_and_closes_with_a_grace()
-> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("clock-server-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let notify_path = folder.join("notify");
    let systemd = UnixDatagram::bind(&notify_path)?;
    systemd.set_read_timeout(Some(Duration::from_secs(60)))?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let addr = socket.local_addr()?;

    let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    let clock = ClockClient::new(&endpoint, addr);
    // The request waits in the socket until the service runs, and no datagram is refused.
    let early = tokio::spawn(clock.time().timeout(Duration::from_secs(60)));
    tokio::task::yield_now().await;
    let mut service = start(socket, &notify_path)?;
    assert_eq!(received(&systemd)?.trim(), "READY=1");
    assert!(early.await??.since_1970 > Duration::from_secs(1_700_000_000));

    let running = tokio::spawn(clock.wait(3_000));
    // The response to a later call shows that the handler runs.
    clock.time().await?;
    assert!(Command::new("sh").args(["-c", "kill \"$0\"", &service.id().to_string()]).status()?.success());
    assert_eq!(received(&systemd)?.trim(), "STOPPING=1");
    let mut later = clock.time().await;
    // The last lines of the service run after the notice.
    while later.is_ok() {
        later = clock.time().await;
    }
    assert!(matches!(later, Err(CallError::Refused { reason: Refusal::Closing, .. })), "{later:?}");
    running.await??;
    assert!(service.wait()?.success());
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}
