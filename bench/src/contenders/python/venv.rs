use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::measuring::{BoxError, target_directory};

/// What pip installs: every package, each pinned.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Makes the virtual environment, unless it is there and complete.
///
/// # Errors
///
/// Where there is no Python of 3.11 or later with `venv`, or pip cannot install what is needed.
pub(super) fn make_venv() -> Result<(), BoxError> {
    let python = base_python()?;
    // A virtual environment belongs to the interpreter that it was made with.
    let stamp = format!("{}\n{REQUIREMENTS}", run_python(&python, "import sys; print(sys.version, sys.executable)")?);
    let home = home()?;
    // Written last: without it, or with another, what is there is of no use.
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

/// The interpreter of the virtual environment.
///
/// # Errors
///
/// Where the bench runs outside a target directory.
pub(super) fn interpreter() -> Result<PathBuf, BoxError> {
    Ok(home()?.join("bin/python"))
}

fn home() -> Result<PathBuf, BoxError> {
    Ok(target_directory()?.join("bench-python-rpcudp"))
}

/// The interpreter that the environment is made with: the one that `PYTHON` names, or one that there is.
fn base_python() -> Result<String, BoxError> {
    let named = env::var("PYTHON").ok();
    let candidates = named.map_or_else(|| vec!["python3.11".into(), "python3".into()], |named| vec![named]);
    let is_new = |python: &String| {
        let printed = run_python(python, "import sys, venv, ensurepip; print(sys.version_info >= (3, 11))");
        printed.is_ok_and(|printed| printed == "True")
    };
    let found = candidates.iter().find(|python| is_new(python)).cloned();
    found.ok_or_else(|| format!("none of {candidates:?} is Python 3.11 or later with venv").into())
}

fn run_python(python: &str, script: &str) -> Result<String, BoxError> {
    run(Command::new(python).args(["-c", script]))
}

/// Runs a command to its end and gives what it printed.
fn run(command: &mut Command) -> Result<String, BoxError> {
    // The variables of whoever runs the bench are about another Python.
    let output = command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let program = command.get_program().display();
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
