use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::time::Duration;

use rpcudp::{Builder, Endpoint};
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::Package;
use crate::venv_error::{Step, VenvError};

/// A virtual environment that holds one package and what it needs, and nothing else.
///
/// It is made in cargo's target directory when it is first asked for, and kept for later runs.
#[derive(Clone, Debug)]
pub struct Venv {
    package: Package,
    python: PathBuf,
    scratch: PathBuf,
}

impl Venv {
    /// How long one step of making it may take: downloads over a slow line included.
    const STEP_LIMIT: Duration = Duration::from_secs(300);

    /// The oldest Python that has all the packages, as `(3, minor)`.
    const OLDEST: (u32, u32) = (3, 11);

    /// The last file to be written into a virtual environment: it says of what it was made.
    const STAMP: &str = "made-of.txt";

    /// Finds the virtual environment of a package below `target`, or makes it.
    ///
    /// # Panics
    ///
    /// Where there is none and none can be made, with what to install for that.
    pub(crate) async fn open(package: Package, target: &Path) -> Self {
        // One test makes it and the others wait; what failed for one is not tried again by each of them.
        static OPENED: [OnceCell<Result<PathBuf, VenvError>>; Package::COUNT] =
            [const { OnceCell::const_new() }; Package::COUNT];
        let scratch = target.join("interop");
        let opened = OPENED[package as usize].get_or_init(|| Self::find_or_make(package, &scratch)).await;
        match opened {
            Ok(python) => Self { package, python: python.clone(), scratch },
            Err(error) => panic!("no virtual environment with {package}: {error}"),
        }
    }

    /// What it holds.
    #[must_use]
    pub fn package(&self) -> Package {
        self.package
    }

    /// An endpoint in the package's dialect that is about to be bound.
    pub fn endpoint(&self) -> Builder {
        Endpoint::builder().dialect(self.package.dialect())
    }

    /// The interpreter.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Where files go that are of no use after the test.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Gives the interpreter's path.
    async fn find_or_make(package: Package, scratch: &Path) -> Result<PathBuf, VenvError> {
        let base = BasePython::find().await?;
        let stamp = format!("{}\n{}", base.description, package.requirements());
        let (name, version) = package.name_and_version();
        let home = scratch.join(format!("{name}-{version}"));
        if !is_made_of(&home, &stamp) {
            // Nobody else sees it before it is complete. Its path changes after that, which Python does not mind: it
            // looks for the rest of a virtual environment beside the interpreter that it was started as.
            let unfinished = scratch.join(format!("{name}-{version}.{}", process::id()));
            let made = base.make(package, &unfinished, &stamp).await;
            if let Err(error) = made.and_then(|()| put_in_place(&unfinished, &home, &stamp)) {
                // Of more interest than whether what is left of it can be removed.
                drop(remove(&unfinished));
                return Err(error);
            }
        }
        Ok(interpreter(&home))
    }
}

/// The interpreter that virtual environments are made with.
struct BasePython {
    command: String,
    /// Its version and where it is: a virtual environment depends on both.
    description: String,
}

impl BasePython {
    async fn find() -> Result<Self, VenvError> {
        let command = env::var("PYTHON").unwrap_or_else(|_| "python3".into());
        let ask = "import sys; print(*sys.version_info[:2], sys.version.split()[0], 'at', sys.executable)";
        let mut asking = Command::new(&command);
        asking.args(["-c", ask]);
        let output = run(&mut asking, Step::AskVersion).await?;
        let mut words = output.split_whitespace();
        let mut number = || words.next().and_then(|word| word.parse().ok());
        let (major, minor) = number().zip(number()).unwrap_or_default();
        let description = words.collect::<Vec<_>>().join(" ");
        if (major, minor) < Venv::OLDEST {
            return Err(VenvError::OldPython { command, version: description });
        }
        Ok(Self { command, description })
    }

    async fn make(&self, package: Package, home: &Path, stamp: &str) -> Result<(), VenvError> {
        remove(home)?;
        let parent = home.parent().expect("it is below the scratch directory");
        fs::create_dir_all(parent).map_err(|source| io_error(parent, source))?;
        run(Command::new(&self.command).args(["-m", "venv"]).arg(home), Step::MakeVenv).await?;

        let requirements = home.join("requirements.txt");
        fs::write(&requirements, package.requirements()).map_err(|source| io_error(&requirements, source))?;
        let mut pip = Command::new(interpreter(home));
        // Without the dependencies that pip would find by itself: the list is complete, and a gap in it is to show.
        pip.args(["-m", "pip", "install", "--no-deps", "--no-input", "--disable-pip-version-check"]);
        pip.args(["--retries", "2", "--timeout", "20", "--requirement"]).arg(&requirements);
        run(&mut pip, Step::Install(package)).await?;
        run(Command::new(interpreter(home)).args(["-m", "pip", "check"]), Step::Install(package)).await?;

        let path = home.join(Venv::STAMP);
        fs::write(&path, stamp).map_err(|source| io_error(&path, source))
    }
}

/// Runs a command to its end and gives what it printed.
async fn run(command: &mut Command, step: Step) -> Result<String, VenvError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    // The variables of whoever runs the tests are about another Python.
    command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").stdin(Stdio::null()).kill_on_drop(true);
    let Ok(ended) = timeout(Venv::STEP_LIMIT, command.output()).await else {
        return Err(VenvError::TooSlow { step, limit: Venv::STEP_LIMIT });
    };
    let output = ended.map_err(|source| VenvError::NoPython { command: program, source })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        return Err(VenvError::Failed { step, output: text(&output.stdout) + &text(&output.stderr) });
    }
    Ok(text(&output.stdout))
}

fn put_in_place(unfinished: &Path, home: &Path, stamp: &str) -> Result<(), VenvError> {
    if fs::rename(unfinished, home).is_ok() {
        return Ok(());
    }
    // Something is there: what another process has made meanwhile, or what nobody can use any more.
    if is_made_of(home, stamp) {
        return remove(unfinished);
    }
    remove(home)?;
    fs::rename(unfinished, home).map_err(|source| io_error(home, source))
}

fn is_made_of(home: &Path, stamp: &str) -> bool {
    fs::read_to_string(home.join(Venv::STAMP)).is_ok_and(|found| found == stamp)
}

fn interpreter(home: &Path) -> PathBuf {
    home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

fn remove(directory: &Path) -> Result<(), VenvError> {
    match fs::remove_dir_all(directory) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error(directory, source)),
        _ => Ok(()),
    }
}

fn io_error(path: &Path, source: io::Error) -> VenvError {
    VenvError::Io { path: path.into(), source }
}
