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

/// A virtual environment that contains only one package and its dependencies.
///
/// It is created in cargo's target directory on first use, and kept for later runs.
#[derive(Clone, Debug)]
pub struct Venv {
    package: Package,
    python: PathBuf,
    scratch: PathBuf,
}

impl Venv {
    /// The time limit of one step of its creation, downloads over a slow line included.
    const STEP_LIMIT: Duration = Duration::from_secs(300);

    /// The oldest Python that all packages support, as `(3, minor)`.
    const OLDEST: (u32, u32) = (3, 11);

    /// The file that is written last into a virtual environment. It names the Python and the
    /// packages.
    const STAMP: &str = "made-of.txt";

    /// Opens the virtual environment of a package below `target`, and creates it if necessary.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be created. The message names the software to install.
    pub(crate) async fn open(package: Package, target: &Path) -> Self {
        // One test creates it and the others wait. If it fails, the others do not try again.
        static OPENED: [OnceCell<Result<PathBuf, VenvError>>; Package::COUNT] =
            [const { OnceCell::const_new() }; Package::COUNT];
        let scratch = target.join("interop");
        if let Some(python) = Self::given(package) {
            fs::create_dir_all(&scratch).expect("the target directory can be written");
            return Self { package, python, scratch };
        }
        let opened = OPENED[package as usize].get_or_init(|| Self::find_or_create(package, &scratch)).await;
        match opened {
            Ok(python) => Self { package, python: python.clone(), scratch },
            Err(error) => panic!("no virtual environment with {package}: {error}"),
        }
    }

    /// Returns the interpreter of a package that is not installed by the tests, if there is one.
    pub(crate) fn given(package: Package) -> Option<PathBuf> {
        if package == Package::Fast { env::var_os("RPCUDP_FAST_PYTHON").map(PathBuf::from) } else { None }
    }

    /// Returns the package that is installed.
    #[must_use]
    pub fn package(&self) -> Package {
        self.package
    }

    /// Returns the builder of an endpoint in the package's dialect.
    pub fn endpoint(&self) -> Builder {
        Endpoint::builder().dialect(self.package.dialect())
    }

    /// Returns the path of the interpreter.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Returns the folder for temporary files of tests.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Runs a script until it ends, and returns its standard output.
    ///
    /// # Panics
    ///
    /// Panics if the script fails.
    pub async fn run_script(&self, script: impl AsRef<Path>, arguments: &[&str]) -> String {
        let mut python = Command::new(self.python());
        python.arg("-B").arg(script.as_ref()).args(arguments);
        python.env_remove("PYTHONHOME").env_remove("PYTHONPATH").stdin(Stdio::null()).kill_on_drop(true);
        let output = python.output().await.expect("the interpreter of a virtual environment can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }

    /// Finds or creates the virtual environment. Returns the interpreter's path.
    async fn find_or_create(package: Package, scratch: &Path) -> Result<PathBuf, VenvError> {
        let base = BasePython::find().await?;
        let stamp = format!("{}\n{}", base.description, package.requirements());
        let (name, version) = package.name_and_version();
        let home = scratch.join(format!("{name}-{version}"));
        if !is_up_to_date(&home, &stamp) {
            // Other processes must not see it before it is complete, so it is renamed afterwards.
            // Python supports that: it locates a virtual environment by the path of its
            // interpreter.
            let unfinished = scratch.join(format!("{name}-{version}.{}", process::id()));
            let result = base.create(package, &unfinished, &stamp).await;
            if let Err(error) = result.and_then(|()| put_in_place(&unfinished, &home, &stamp)) {
                // The first error matters more than one of the removal.
                drop(remove(&unfinished));
                return Err(error);
            }
        }
        Ok(interpreter(&home))
    }
}

/// The interpreter that creates virtual environments.
struct BasePython {
    command: String,
    /// The version and the path, because a virtual environment depends on both.
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

    async fn create(&self, package: Package, home: &Path, stamp: &str) -> Result<(), VenvError> {
        remove(home)?;
        let parent = home.parent().expect("the path is below the scratch folder");
        fs::create_dir_all(parent).map_err(|source| io_error(parent, source))?;
        run(Command::new(&self.command).args(["-m", "venv"]).arg(home), Step::CreateVenv).await?;

        let requirements = home.join("requirements.txt");
        fs::write(&requirements, package.requirements()).map_err(|source| io_error(&requirements, source))?;
        let mut pip = Command::new(interpreter(home));
        // `--no-deps`: the list is complete, and `pip check` reports a gap in it.
        pip.args(["-m", "pip", "install", "--no-deps", "--no-input", "--disable-pip-version-check"]);
        pip.args(["--retries", "2", "--timeout", "20", "--requirement"]).arg(&requirements);
        run(&mut pip, Step::Install(package)).await?;
        run(Command::new(interpreter(home)).args(["-m", "pip", "check"]), Step::Install(package)).await?;

        let path = home.join(Venv::STAMP);
        fs::write(&path, stamp).map_err(|source| io_error(&path, source))
    }
}

/// Runs a command until it ends. Returns its standard output.
async fn run(command: &mut Command, step: Step) -> Result<String, VenvError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    // The user's variables apply to another Python.
    command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").stdin(Stdio::null()).kill_on_drop(true);
    let Ok(result) = timeout(Venv::STEP_LIMIT, command.output()).await else {
        return Err(VenvError::TooSlow { step, limit: Venv::STEP_LIMIT });
    };
    let output = result.map_err(|source| VenvError::NoPython { command: program, source })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        return Err(VenvError::Failed { step, output: text(&output.stdout) + &text(&output.stderr) });
    }
    Ok(text(&output.stdout))
}

/// Renames a finished virtual environment to its final path.
fn put_in_place(unfinished: &Path, home: &Path, stamp: &str) -> Result<(), VenvError> {
    if fs::rename(unfinished, home).is_ok() {
        return Ok(());
    }
    // The path exists: another process has created the same meanwhile, or it is outdated.
    if is_up_to_date(home, stamp) {
        return remove(unfinished);
    }
    remove(home)?;
    fs::rename(unfinished, home).map_err(|source| io_error(home, source))
}

fn is_up_to_date(home: &Path, stamp: &str) -> bool {
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
