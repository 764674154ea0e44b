//! Output that exists only on terminals: colours, and the live display of `load`.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Command;

use nix::pty::{Winsize, openpty};
use rpcudp::Dialect;

#[cfg(feature = "secure")]
use crate::peers::serve_as;
use crate::peers::{CLOSED, serve};
use crate::process::{KillOnDrop, command};

/// A pseudo-terminal that a command can print to.
struct Terminal {
    screen: File,
    end: OwnedFd,
}

impl Terminal {
    fn open() -> Self {
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("the operating system has pseudo-terminals");
        Self { screen: pty.master.into(), end: pty.slave }
    }

    /// Runs a command with standard output and standard error on this terminal.
    fn run(self, command: &mut Command) -> (File, KillOnDrop) {
        let Self { screen, end } = self;
        let errors = end.try_clone().expect("the descriptor can be duplicated");
        let child = command.stdout(end).stderr(errors).spawn().expect("the binary can be run");
        (screen, KillOnDrop(child))
    }
}

/// Reads from a terminal until its last writer has ended, or until the output contains `text`.
fn read_until(screen: &mut File, text: &str) -> String {
    let mut written = Vec::new();
    let mut chunk = [0; 4_096];
    // When the last writer has ended, Linux reports an error, and other systems the end of the
    // file.
    while let Ok(len @ 1..) = screen.read(&mut chunk) {
        written.extend_from_slice(&chunk[..len]);
        if !text.is_empty() && String::from_utf8_lossy(&written).contains(text) {
            break;
        }
    }
    String::from_utf8_lossy(&written).into_owned()
}

/// Returns the output of a command on a terminal.
fn terminal_output(mut command: Command) -> String {
    command.env("TERM", "xterm-256color");
    let (mut screen, mut child) = Terminal::open().run(&mut command);
    // The command holds a descriptor of the terminal, too.
    drop(command);
    let written = read_until(&mut screen, "");
    child.0.wait().expect("waiting for a child succeeds");
    written
}

#[test]
fn colours_are_printed_on_terminals_unless_no_color_is_set() {
    let doctor = ["doctor", CLOSED];
    let coloured = terminal_output(command(&doctor));
    assert!(coloured.contains("\x1b[1m\x1b[31mfault\x1b[0m answer"), "{coloured:?}");
    let mut plain = command(&doctor);
    plain.env("NO_COLOR", "1");
    let plain = terminal_output(plain);
    assert!(plain.contains("fault answer") && !plain.contains('\x1b'), "{plain:?}");
    let error = terminal_output(command(&["call", CLOSED, "m"]));
    assert!(error.starts_with("\x1b[1m\x1b[31mrpcudp:\x1b[0m `m`: 127.0.0.1:9 is unreachable"), "{error:?}");
}

#[cfg(feature = "secure")]
#[test]
fn a_call_with_a_large_file_draws_a_bar() {
    let identity = rpcudp::Identity::from_seed([1; 32]);
    let key = identity.peer_id();
    let (_server, addr) = serve_as(rpcudp::Endpoint::builder().identity(identity));
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bar-{}", std::process::id()));
    std::fs::write(&file, vec![7; 3 << 20]).unwrap();
    let argument = format!("@{}", file.display());
    let mut call = command(&["call", &format!("{key}@{addr}"), "hold", &argument, "--timeout", "60s"]);
    call.env("TERM", "xterm-256color");
    let (mut screen, mut child) = Terminal::open().run(&mut call);
    drop(call);
    let drawn = read_until(&mut screen, "of 3.00 MiB");
    assert!(drawn.contains("sent ["), "{drawn:?}");
    child.0.kill().unwrap();
    std::fs::remove_file(file).unwrap();
}

#[test]
fn load_draws_a_bar_and_a_histogram_while_it_runs() {
    let (_server, addr) = serve(Dialect::Rpcudp);
    let mut load = command(&["load", &addr, "sayhi", "\"S\"", "--seconds", "60"]);
    load.env("TERM", "xterm-256color");
    let (mut screen, mut child) = Terminal::open().run(&mut load);
    drop(load);
    let drawn = read_until(&mut screen, "█");
    assert!(drawn.contains(" s [") && drawn.contains("calls a second now, "), "{drawn:?}");
    let killed = Command::new("kill").args(["-INT", &child.0.id().to_string()]).status();
    assert!(killed.expect("a system with `kill`").success());
    let rest = read_until(&mut screen, "");
    assert!(rest.contains("--- `sayhi` at ") && rest.contains("0.00% lost"), "{rest:?}");
    assert!(child.0.wait().expect("waiting for a child succeeds").success());
}
