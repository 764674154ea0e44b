//! What is there only for people who look at it.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Command;

use nix::pty::{Winsize, openpty};
use rpcudp::Dialect;

use crate::peers::{CLOSED, serve};
use crate::process::{KillOnDrop, command};

/// A terminal that a command can print to.
struct Terminal {
    screen: File,
    end: OwnedFd,
}

impl Terminal {
    fn open() -> Self {
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("the system has pseudo-terminals");
        Self { screen: pty.master.into(), end: pty.slave }
    }

    /// Runs a command whose output and errors go to it.
    fn run(self, command: &mut Command) -> (File, KillOnDrop) {
        let Self { screen, end } = self;
        let errors = end.try_clone().expect("it can be shared");
        let child = command.stdout(end).stderr(errors).spawn().expect("the binary can be run");
        (screen, KillOnDrop(child))
    }
}

/// All that is written to a terminal until nobody writes any more, or until it contains this.
fn read_until(screen: &mut File, text: &str) -> String {
    let mut written = Vec::new();
    let mut chunk = [0; 4_096];
    // Linux reports an error when the last writer has gone, and others the end of a file.
    while let Ok(len @ 1..) = screen.read(&mut chunk) {
        written.extend_from_slice(&chunk[..len]);
        if !text.is_empty() && String::from_utf8_lossy(&written).contains(text) {
            break;
        }
    }
    String::from_utf8_lossy(&written).into_owned()
}

/// What a command writes to a terminal.
fn shown(mut command: Command) -> String {
    command.env("TERM", "xterm-256color");
    let (mut screen, mut child) = Terminal::open().run(&mut command);
    // It holds an end of the terminal, as the child does.
    drop(command);
    let written = read_until(&mut screen, "");
    child.0.wait().expect("it can be waited for");
    written
}

#[test]
fn colours_are_for_terminals_and_not_for_those_who_want_none() {
    let doctor = ["doctor", CLOSED];
    let shown_in_colour = shown(command(&doctor));
    assert!(shown_in_colour.contains("\x1b[1m\x1b[31mwrong\x1b[0m answer"), "{shown_in_colour:?}");
    let mut plain = command(&doctor);
    plain.env("NO_COLOR", "1");
    let plain = shown(plain);
    assert!(plain.contains("wrong answer") && !plain.contains('\x1b'), "{plain:?}");
    let error = shown(command(&["call", CLOSED, "m"]));
    assert!(error.starts_with("\x1b[1m\x1b[31mrpcudp:\x1b[0m nobody is there"), "{error:?}");
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
    assert!(child.0.wait().expect("it can be waited for").success());
}
