use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::measuring::{BoxError, target_directory};

/// The packages that pip installs: all of them, with pinned versions.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Creates the virtual environment, unless it exists and is complete.
///
/// # Errors
///
/// Returns an error if no Python 3.11 or later with `venv` is found, or if pip cannot install the
/// packages.
pub(super) fn make_venv() -> Result<(), BoxError> {
    let python = base_python()?;
    // A virtual environment depends on the interpreter that created it.
    let stamp = format!("{}\n{REQUIREMENTS}", run_python(&python, "import sys; print(sys.version, sys.executable)")?);
    let home = home()?;
    // Written last: an environment without this stamp, or with another one, is created anew.
    let stamp_file = home.join("made-of.txt");
    if fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
        return Ok(());
    }
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    run(Command::new(&python).args(["-m", "venv"]).arg(&home))?;
    let requirements = home.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    let mut pip = Command::new(interpreter()?);
    pip.args(["-m", "pip", "install", "--no-deps", "--no-input", "--disable-pip-version-check", "--quiet"]);
    run(pip.args(["--retries", "2", "--timeout", "20", "--requirement"]).arg(requirements))?;
    Ok(fs::write(stamp_file, stamp)?)
}

/// Returns the interpreter of the virtual environment.
///
/// # Errors
///
/// Returns an error if the bench runs outside a target directory.
pub(super) fn interpreter() -> Result<PathBuf, BoxError> {
    Ok(home()?.join("bin/python"))
}

fn home() -> Result<PathBuf, BoxError> {
    Ok(target_directory()?.join("bench-python-rpcudp"))
}

/// Returns the interpreter that creates the environment: the one that `PYTHON` names, or else the
/// first of `python3.11` and `python3` that is suitable.
fn base_python() -> Result<String, BoxError> {
    let named = env::var("PYTHON").ok();
    let candidates = named.map_or_else(|| vec!["python3.11".into(), "python3".into()], |named| vec![named]);
    let is_new = |python: &String| {
        let printed = run_python(python, "import sys, venv, ensurepip; print(sys.version_info >= (3, 11))");
        printed.is_ok_and(|printed| printed == "True")
    };
    let found = candidates.iter().find(|python| is_new(python)).cloned();
    found.ok_or_else(|| {
        format!("none of {candidates:?} is Python 3.11 or later with venv: install one, or name it in PYTHON").into()
    })
}

fn run_python(python: &str, script: &str) -> Result<String, BoxError> {
    run(Command::new(python).args(["-c", script]))
}

/// Runs a command to its end, and returns its output.
fn run(command: &mut Command) -> Result<String, BoxError> {
    // These variables of the user belong to another Python.
    let output = command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let program = command.get_program().display();
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
