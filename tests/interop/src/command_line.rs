use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use rpcudp::Dialect;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::OnceCell;

/// The binary `rpcudp` of `rpcudp-cli`, set to the dialect of a peer.
#[derive(Clone, Debug)]
pub struct CommandLine {
    binary: PathBuf,
    dialect: Dialect,
}

/// The binary, running in the background. Killed on drop.
#[derive(Debug)]
pub struct Background {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl CommandLine {
    /// Builds the binary with cargo, which does nothing if it is up to date.
    ///
    /// # Panics
    ///
    /// Panics if the binary does not compile.
    pub async fn build(dialect: Dialect) -> Self {
        static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
        let binary = BUILT.get_or_init(|| build("rpcudp-cli", "rpcudp")).await.clone();
        Self { binary, dialect }
    }

    /// Returns the same binary, set to another dialect.
    #[must_use]
    pub fn with_dialect(&self, dialect: Dialect) -> Self {
        Self { dialect, ..self.clone() }
    }

    /// Runs the binary until it ends.
    ///
    /// # Panics
    ///
    /// Panics if the binary cannot be run.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.expect("the built binary can be run")
    }

    /// Runs the binary and returns its standard output.
    ///
    /// # Panics
    ///
    /// Panics if the exit code is not 0, or if anything is printed to standard error.
    pub async fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("output is UTF-8").trim_end().into()
    }

    /// Runs the binary in the background.
    ///
    /// # Panics
    ///
    /// Panics if the binary cannot be run.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Background {
        let mut child = self.command(arguments).stdout(Stdio::piped()).spawn().expect("the built binary can be run");
        let lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        Background { child, lines }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args((self.dialect == Dialect::Storj && takes_dialect(arguments)).then_some("--storj"));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

impl Background {
    /// Returns the next line of standard output.
    ///
    /// # Panics
    ///
    /// Panics if the binary has ended.
    pub async fn line(&mut self) -> String {
        self.lines.next_line().await.expect("output is UTF-8").expect("the binary is still running")
    }

    /// Sends SIGINT. Returns the remaining lines of standard output.
    ///
    /// # Panics
    ///
    /// Panics if the exit code is not 0.
    pub async fn interrupt(mut self) -> Vec<String> {
        let id = self.child.id().expect("the binary is still running").to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status().await.expect("a system with `kill`");
        assert!(kill.success());
        let mut lines = Vec::new();
        while let Some(line) = self.lines.next_line().await.expect("output is UTF-8") {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("waiting for a child succeeds");
        assert!(status.success(), "{status}: {lines:?}");
        lines
    }
}

/// Returns whether a subcommand takes the flag of the dialect.
fn takes_dialect(arguments: &[&str]) -> bool {
    arguments.first().is_some_and(|command| *command != "completions")
}

/// Builds a binary of the workspace with cargo. Returns its path.
pub(crate) async fn build(package: &str, name: &str) -> PathBuf {
    // Cargo sets the variable to the path of the cargo that runs this test.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", package, "--bin", name, "--message-format", "json"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = command.output().await.expect("cargo can be run");
    assert!(output.status.success(), "{package} does not compile");
    let messages = String::from_utf8(output.stdout).expect("output is UTF-8");
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_binary = message["target"]["name"] == name && message["target"]["kind"][0] == "bin";
        is_binary.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executable.expect("cargo prints the path of the binary")
}
