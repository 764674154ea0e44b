use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use rpcudp::Dialect;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::OnceCell;

/// The binary `rpcudp` of `rpcudp-cli`, in the dialect of some peer.
#[derive(Clone, Debug)]
pub struct CommandLine {
    binary: PathBuf,
    dialect: Dialect,
}

/// It, in the background. Killed when this is dropped.
#[derive(Debug)]
pub struct Background {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl CommandLine {
    /// Has cargo build it, which takes no time where it is built already.
    ///
    /// # Panics
    ///
    /// Where it does not compile.
    pub async fn build(dialect: Dialect) -> Self {
        static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
        let binary = BUILT.get_or_init(build).await.clone();
        Self { binary, dialect }
    }

    /// The same, in a dialect of one's own.
    #[must_use]
    pub fn speaking(&self, dialect: Dialect) -> Self {
        Self { dialect, ..self.clone() }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// Where it cannot be run.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.expect("what cargo has built can be run")
    }

    /// Runs it to its end, which is a good one, and gives what it printed.
    ///
    /// # Panics
    ///
    /// Where its end is none, or it complains.
    pub async fn well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("what is printed is text").trim_end().into()
    }

    /// Runs it in the background.
    ///
    /// # Panics
    ///
    /// Where it cannot be run.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Background {
        let mut child =
            self.command(arguments).stdout(Stdio::piped()).spawn().expect("what cargo has built can be run");
        let lines = BufReader::new(child.stdout.take().expect("its stdout is a pipe")).lines();
        Background { child, lines }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args((self.dialect == Dialect::Storj && speaks(arguments)).then_some("--storj"));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

impl Background {
    /// The next line that it prints.
    ///
    /// # Panics
    ///
    /// Where it has ended.
    pub async fn line(&mut self) -> String {
        self.lines.next_line().await.expect("what is printed is text").expect("it has not ended")
    }

    /// Ctrl-C. Gives what it printed after that.
    ///
    /// # Panics
    ///
    /// Where its end is no good one.
    pub async fn interrupt(mut self) -> Vec<String> {
        let id = self.child.id().expect("it has not ended").to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status().await.expect("a system with `kill`");
        assert!(kill.success());
        let mut lines = Vec::new();
        while let Some(line) = self.lines.next_line().await.expect("what is printed is text") {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("it can be waited for");
        assert!(status.success(), "{status}: {lines:?}");
        lines
    }
}

/// Whether a subcommand has a dialect.
fn speaks(arguments: &[&str]) -> bool {
    arguments.first().is_some_and(|command| *command != "completions")
}

async fn build() -> PathBuf {
    // The cargo that runs this test.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "rpcudp-cli", "--bin", "rpcudp", "--message-format", "json"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = command.output().await.expect("cargo can be run");
    assert!(output.status.success(), "rpcudp-cli does not compile");
    let messages = String::from_utf8(output.stdout).expect("what cargo prints is text");
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_binary = message["target"]["name"] == "rpcudp" && message["target"]["kind"][0] == "bin";
        is_binary.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executable.expect("cargo says where the binary is")
}
