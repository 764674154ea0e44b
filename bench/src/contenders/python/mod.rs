//! Python's rpcudp: a process each for client and server, in a virtual environment in cargo's
//! target directory.

mod venv;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use self::venv::{interpreter, make_venv};
use crate::measuring::{BUFFER_LEN, BoxError, Cell, Failures, Latencies, Measured, ProcessorTime, Window};

const SCRIPT: &str = include_str!("echo.py");

/// Creates the virtual environment, unless it exists.
///
/// # Errors
///
/// Returns an error if Python is missing, or if the packages cannot be installed.
pub(crate) fn prepare() -> Result<(), BoxError> {
    make_venv()
}

/// The result of the client process, without the latencies.
#[derive(Deserialize)]
struct Report {
    failed: u64,
    first: Option<String>,
    /// The processor time of both processes in seconds.
    cpu: f64,
}

/// Measures Python's rpcudp.
///
/// # Errors
///
/// Returns an error if a process ends early or prints something unexpected.
pub(crate) fn run(cell: Cell) -> Result<Measured, BoxError> {
    let mut server = Peer::start(&["serve".into()])?;
    let port = server.line()?;
    let seconds = |duration: Duration| duration.as_secs_f64().to_string();
    let (in_flight, size) = (cell.in_flight.to_string(), cell.size.to_string());
    let (warm_up, window) = (seconds(cell.warm_up), seconds(cell.window));
    let mut client = Peer::start(&["call".into(), port, in_flight, size, warm_up, window])?;

    client.expect("measuring")?;
    let (begin, cpu_begin) = (Instant::now(), ProcessorTime::now());
    client.expect("over")?;
    let (elapsed, cpu_end) = (begin.elapsed(), ProcessorTime::now());
    let Report { failed, first, cpu } = serde_json::from_str(&client.line()?)?;
    let ours = Duration::try_from_secs_f64(cpu)?;
    let all_processes = cpu_end.others_since(cpu_begin) + cpu_end.ours_since(cpu_begin);
    let window = Window { elapsed, ours, others: all_processes.saturating_sub(ours) };

    let mut bytes = Vec::new();
    client.stdout.read_to_end(&mut bytes)?;
    let mut latencies = Latencies::default();
    bytes.as_chunks().0.iter().for_each(|&nanos| latencies.record(u64::from_ne_bytes(nanos), 1));
    Ok(Measured::new(window, latencies, Failures { count: failed, first: first.map(Into::into) }))
}

/// A Python process. Dropping it kills the process.
struct Peer {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Peer {
    fn start(arguments: &[String]) -> Result<Self, BoxError> {
        let mut command = Command::new(interpreter()?);
        command.args(["-c", SCRIPT]).args(arguments).arg(BUFFER_LEN.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().expect("standard output is a pipe");
        Ok(Self { child, stdout: BufReader::new(stdout) })
    }

    fn line(&mut self) -> Result<String, BoxError> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            return Err("a Python process has ended early".into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn expect(&mut self, word: &str) -> Result<(), BoxError> {
        let line = self.line()?;
        if line == word { Ok(()) } else { Err(format!("a Python process printed {line:?} instead of {word:?}").into()) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The process may have ended by itself. Other errors cannot be handled here.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
