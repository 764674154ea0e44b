//! OpenSSL's own QUIC, as a client: its program `s_client`, and its library.
//!
//! `RPCUDP_OPENSSL` names the program, which has to be 3.5 or later, for example one that was built
//! with `./Configure && make && make install`. Its library must be in a folder `lib` or `lib64`
//! beside its folder. Default: `openssl` of `PATH`.

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rpcudp::{Endpoint, PeerId};
use rpcudp_interop::{PeerServer, RustPeer, blob};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::frames::{ADD, SUM, binary, blob_of, request, response, size_of};
use crate::quinn::{occupy, wait_until_occupied};
use crate::{identity, peer, rust};

/// An OpenSSL with QUIC.
struct OpenSsl {
    program: PathBuf,
    library: PathBuf,
    key_file: PathBuf,
}

impl OpenSsl {
    const LIMIT: Duration = Duration::from_secs(60);

    /// Finds OpenSSL, which gets the identity 2. Prints `SKIPPED` if there is none with QUIC.
    async fn find(test: &str) -> Option<Self> {
        let program = env::var_os("RPCUDP_OPENSSL").map_or_else(|| "openssl".into(), PathBuf::from);
        let help = Command::new(&program).args(["s_client", "-help"]).stdin(Stdio::null()).output().await;
        let has_quic = help.is_ok_and(|help| String::from_utf8_lossy(&help.stderr).contains("-quic"));
        if !has_quic {
            // The test harness would hide `println`.
            let line = "\nSKIPPED: links to OpenSSL: RPCUDP_OPENSSL or PATH names no `openssl` with QUIC (3.5 or later), \
                        which tests/interop/README.md builds\n";
            io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
            return None;
        }
        let key_file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("openssl-{test}.pem"));
        std::fs::write(&key_file, identity(2).to_pem()).unwrap();
        let library = Self::library(&program);
        Some(Self { program, library, key_file })
    }

    /// Returns the library beside a program, or the one of the system.
    fn library(program: &Path) -> PathBuf {
        let home = program.parent().and_then(Path::parent);
        let beside = home.into_iter().flat_map(|home| ["lib", "lib64"].map(|lib| home.join(lib).join("libssl.so.3")));
        beside.into_iter().find(|path| path.exists()).unwrap_or_else(|| "libssl.so.3".into())
    }

    /// Returns a command that finds the program's library.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some(folder) = self.library.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            command.env("LD_LIBRARY_PATH", folder);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Runs `openssl s_client` until one more link is up at the endpoint, or has failed. It ends
    /// with its input, even before its part of the handshake is sent.
    async fn s_client(&self, rust: &Endpoint, options: &[&str]) -> Output {
        let mut command = self.command(&self.program);
        command.args(["s_client", "-quic", "-enable_server_rpk", "-enable_client_rpk", "-nocommands"]);
        command.arg("-connect").arg(rust.local_addr().to_string()).args(options);
        let mut child = command.spawn().expect("the program can be run");
        let stdin = child.stdin.take();
        let handshakes = || rust.link_stats().established + rust.link_stats().failed;
        let before = handshakes();
        let ended = async {
            while handshakes() == before {
                sleep(Duration::from_millis(5)).await;
            }
            drop(stdin);
        };
        let output = timeout(Self::LIMIT, async { tokio::join!(child.wait_with_output(), ended).0 });
        output.await.expect("the program ends").expect("the program can be waited for")
    }

    /// Makes a certificate of the key, which `s_client` wants and does not show. Returns its file.
    async fn make_certificate(&self) -> PathBuf {
        let file = self.key_file.with_extension("cert");
        let mut command = self.command(&self.program);
        command.args(["req", "-x509", "-new", "-config", "/dev/null", "-subj", "/CN=peer", "-key"]);
        command.arg(&self.key_file).arg("-out").arg(&file);
        let output = Self::run(command, "").await;
        assert!(output.status.success(), "{output:?}");
        file
    }

    /// Calls methods over a link with a pinned key. Returns the frames that the endpoint sends.
    async fn call(&self, addr: SocketAddr, expected: PeerId, frames: &[Vec<u8>]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/openssl_client.py");
        let mut command = self.command(env::var_os("PYTHON").unwrap_or_else(|| "python3".into()));
        command.arg("-B").arg(script).arg(&self.library).arg(addr.ip().to_string()).arg(addr.port().to_string());
        command.arg(&self.key_file).arg(hex(expected.as_bytes()));
        let lines: Vec<_> = frames.iter().map(|frame| hex(frame) + "\n").collect();
        Self::run(command, &lines.concat()).await
    }

    async fn run(mut command: Command, input: &str) -> Output {
        let mut child = command.spawn().expect("the program can be run");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        let output = timeout(Self::LIMIT, async {
            // A program that has ended early reads no input.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
            child.wait_with_output().await
        });
        output.await.expect("the program ends").expect("the program can be waited for")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the options of `s_client` that pin a key.
fn pin(peer: PeerId) -> [String; 5] {
    let record = format!("3 1 0 302a300506032b6570032100{}", hex(peer.as_bytes()));
    ["-dane_tlsa_domain", "peer.invalid", "-dane_tlsa_rrdata", &record, "-verify_return_error"].map(String::from)
}

/// Returns the lines of a program that has ended well, each of which is a frame in hexadecimal.
fn frames(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let mut frames: Vec<_> = String::from_utf8_lossy(&output.stdout).lines().map(String::from).collect();
    frames.sort();
    frames
}

#[tokio::test]
async fn openssl_calls_methods_on_streams() {
    let Some(openssl) = OpenSsl::find("calls").await else { return };
    let rust = rust().await;
    let requests = [request(1, ADD), request(2, &size_of(&[7; 300_000])), request(3, &blob_of(300_000))];
    let output = openssl.call(rust.local_addr(), peer(1), &requests).await;
    let large = response(3, &binary(&blob(300_000)));
    let responses = [response(1, SUM), response(2, b"\xce\x00\x04\x93\xe0"), large].map(|frame| hex(&frame));
    assert_eq!(frames(&output), responses);
    assert_eq!((rust.link_stats().established, rust.stats().dropped_in_all()), (1, 0));
}

#[tokio::test]
async fn openssl_proves_its_address_by_retry() {
    let Some(openssl) = OpenSsl::find("retry").await else { return };
    let rust = rust().await;
    occupy(rust.local_addr());
    wait_until_occupied(&rust).await;
    let output = openssl.call(rust.local_addr(), peer(1), &[request(1, ADD)]).await;
    assert_eq!(frames(&output), [hex(&response(1, SUM))]);
    assert!(rust.link_stats().retried >= 1);
}

#[tokio::test]
async fn openssl_that_pins_another_key_ends_the_link() {
    let Some(openssl) = OpenSsl::find("pin").await else { return };
    let rust = rust().await;
    let output = openssl.call(rust.local_addr(), peer(7), &[request(1, ADD)]).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("closed here with code 0x1"), "an alert of TLS: {error}");
    assert_eq!((rust.link_stats().established, rust.stats().requests.received), (0, 0));
}

#[tokio::test]
async fn openssl_with_a_key_that_is_not_allowed_is_refused() {
    let Some(openssl) = OpenSsl::find("refused").await else { return };
    let builder = Endpoint::builder().identity(identity(1)).allow([peer(3)]).serve(PeerServer::new(RustPeer));
    let rust = builder.bind("127.0.0.1:0").await.unwrap();
    let output = openssl.call(rust.local_addr(), peer(1), &[request(1, ADD)]).await;
    // `access_denied`, 49
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("closed by the server with code 0x131"), "{error}");
    assert_eq!((rust.link_stats().established, rust.stats().requests.received), (0, 0));
}

/// The program, with its own options for keys and pins.
#[tokio::test]
async fn s_client_handshakes_with_its_key_and_the_pinned_one_alone() {
    let Some(openssl) = OpenSsl::find("s_client").await else { return };
    let rust = rust().await;
    let cert_file = openssl.make_certificate().await;
    let key = ["-key", openssl.key_file.to_str().unwrap(), "-cert", cert_file.to_str().unwrap()];
    let (right, wrong) = (pin(peer(1)), pin(peer(7)));
    let (rpcudp, other) = (["-alpn", "rpcudp/1"], ["-alpn", "h3"]);
    let run = async |parts: &[&[&str]]| openssl.s_client(&rust, &parts.concat()).await;
    let right: Vec<_> = right.iter().map(String::as_str).collect();
    let wrong: Vec<_> = wrong.iter().map(String::as_str).collect();

    let output = run(&[&key, &rpcudp, &right]).await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("Verification: OK"), "{output:?}");
    assert_eq!(rust.link_stats().established, 1);
    // Its own handshake has ended before the endpoint misses the key.
    run(&[&rpcudp, &right]).await;
    for refused in [run(&[&key, &other, &right]).await, run(&[&key, &rpcudp, &wrong]).await] {
        assert!(!refused.status.success(), "{refused:?}");
    }
    assert_eq!((rust.link_stats().established, rust.link_stats().failed), (1, 3));
}
