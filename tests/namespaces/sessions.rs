//! The examples `lobby` and `instrument` through a router with network address translation whose
//! mappings are dropped: each session goes on under its id.

use std::env;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::host::Host;
use crate::print_skipped;
use crate::support::ms;

const SERVER: &str = "10.2.0.2:7000";

/// A router that masquerades the hosts behind it.
struct Router(Host);

impl Router {
    const OUTER: &str = "outer";

    /// The address that the members' requests come from.
    const ADDR: &str = "10.2.0.1";

    /// Makes a member's host, a router and a server's host.
    fn between() -> io::Result<(Host, Self, Host)> {
        let [member, router, server] = [Host::new()?, Host::new()?, Host::new()?];
        member.link(&router, "inner", 1_500)?;
        router.link(&server, Self::OUTER, 1_500)?;
        member.add_addr_to("10.1.0.2/24", "inner");
        router.add_addr_to("10.1.0.1/24", "inner");
        router.add_addr_to(&format!("{}/24", Self::ADDR), Self::OUTER);
        server.add_addr_to("10.2.0.2/24", Self::OUTER);
        member.run_ip("route add default via 10.1.0.1");
        router.enable_forwarding()?;
        let router = Self(router);
        router.nft("add table ip nat")?;
        router.nft("add chain ip nat post { type nat hook postrouting priority 100 ; }")?;
        // Each mapping gets a port at random.
        router.nft("add rule ip nat post oifname \"outer\" masquerade random")?;
        Ok((member, router, server))
    }

    fn nft(&self, command: &str) -> io::Result<()> {
        let output = self.0.inside(|| Command::new("nft").arg(command).output());
        let output = output.map_err(|error| io::Error::new(error.kind(), "the program `nft` is not installed"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("`nft {command}`: {}", String::from_utf8_lossy(&output.stderr).trim_end())))
    }

    /// Drops all mappings: masquerading forgets those of a network card that goes down.
    fn drop_mappings(&self) {
        self.0.run_ip("link set outer down");
        self.0.run_ip("link set outer up");
    }
}

/// An example program that runs inside a host. Killed on drop.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Builds the example with cargo, which does nothing if it is up to date, and starts it.
    fn start(host: &Host, example: &str, arguments: &[&str]) -> Self {
        // Cargo sets the variable to the path of the cargo that runs this test.
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--example", example]).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().expect("cargo can be run").success(), "{example} does not compile");
        // Tests are in `deps`, beside the folder of the examples.
        let test = env::current_exe().expect("a test is a file");
        let folder = test.parent().and_then(|deps| deps.parent()).expect("cargo has folders for its programs");
        let path: PathBuf = folder.join("examples").join(example);
        let mut command = Command::new(&path);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = host.inside(|| command.spawn()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        Self { child, lines }
    }

    /// Returns the next line of the output.
    fn line(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).expect("the program prints another line")
    }

    /// Returns the next line of the output that the test looks for.
    fn find_line(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.line();
            if is_wanted(&line) {
                return line;
            }
        }
    }

    /// Writes a line to the input.
    fn write(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is a pipe");
        writeln!(stdin, "{line}").expect("the program runs");
    }

    /// Writes lines to the input until a call succeeds, for a few leases at most. Returns the line
    /// of the output about it.
    fn write_until_success(&mut self) -> String {
        let started = Instant::now();
        loop {
            self.write("Hello");
            // A player hears itself, too.
            let line = self.find_line(|line| !line.contains("hears"));
            if !line.starts_with("no ") {
                return line;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "{line}");
            thread::sleep(ms(50));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the id of the session that ends a line.
fn session(line: &str) -> String {
    let id = line.rsplit(' ').next().expect("a line has words");
    assert!(line.contains(" session ") && id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
    id.into()
}

/// Runs an example as the server and as a member on both sides of the router.
fn session_goes_on(example: &str) {
    let (member_host, router, server_host) = match Router::between() {
        Ok(hosts) => hosts,
        Err(error) => return print_skipped(&error),
    };
    let server = Program::start(&server_host, example, &[SERVER]);
    assert_eq!(server.line(), format!("listening on {SERVER}"));
    let mut member = Program::start(&member_host, example, &[SERVER, "Ada"]);
    let id = session(&member.line());
    assert_eq!(session(&server.line()), id);
    assert_eq!(session(&member.write_until_success()), id);
    for _ in 0..3 {
        router.drop_mappings();
        let started = Instant::now();
        // The kernel drops them a moment later, and the next request of the session moves it.
        let moved = loop {
            assert_eq!(session(&member.write_until_success()), id);
            if let Some(moved) = server.lines.try_iter().find(|line| line.contains(Router::ADDR)) {
                break moved;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "the session has not moved");
            thread::sleep(ms(50));
        };
        assert_eq!((session(&moved), moved.matches(Router::ADDR).count()), (id.clone(), 2), "{moved}");
        assert_eq!(session(&member.write_until_success()), id);
    }
    // The end of its input ends the member.
    drop(member.child.stdin.take());
    server.find_line(|line| line.ends_with("the member left"));
    assert!(member.child.wait().expect("a child").success());
}

#[test]
fn player_of_the_lobby_keeps_its_session_when_a_router_drops_its_mappings() {
    session_goes_on("lobby");
}

#[test]
fn user_of_the_instrument_keeps_it_when_a_router_drops_its_mappings() {
    session_goes_on("instrument");
}
