use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;

use tokio::process::Command;

use crate::Venv;

/// The fixture that replaces the one of `kademlia/tests/conftest.py`: the bootstrap node is ours.
const FIXTURE: &str = r#"

@pytest.fixture()
def bootstrap_node():
    import os

    host, port = os.environ["BOOTSTRAP_NODE"].rsplit(":", 1)
    yield (host, int(port))
"#;

impl Venv {
    /// Downloads the source distribution of `kademlia` from PyPI, and runs its own test suite with
    /// this node in place of its bootstrap node.
    ///
    /// # Panics
    ///
    /// Panics if the source distribution cannot be downloaded or does not have the tests.
    pub async fn run_kademlia_suite(&self, bootstrap_node: SocketAddr) -> Output {
        let directory = self.unpack_kademlia().await;
        let conftest = directory.join("kademlia/tests/conftest.py");
        let mut text = fs::read_to_string(&conftest).expect("the source distribution has the tests");
        text.push_str(FIXTURE);
        fs::write(&conftest, text).expect("the target directory can be written");
        let mut pytest = Command::new(self.python());
        // The package's own options need its coverage plugin.
        pytest.args(["-B", "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", "."]);
        pytest.arg("kademlia/tests").current_dir(&directory).env("BOOTSTRAP_NODE", bootstrap_node.to_string());
        pytest.env_remove("PYTHONHOME").env_remove("PYTHONPATH").kill_on_drop(true);
        let output = pytest.output().await.expect("the interpreter of a virtual environment can be run");
        let unpacked_in = directory.parent().expect("the directory is in another one");
        fs::remove_dir_all(unpacked_in).expect("the target directory can be written");
        output
    }

    /// Returns a new directory with the contents of the source distribution.
    async fn unpack_kademlia(&self) -> PathBuf {
        let directory = self.scratch().join(format!("kademlia-suite-{}", std::process::id()));
        fs::create_dir_all(&directory).expect("the target directory can be written");
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--no-deps"]);
        pip.args(["--no-binary", ":all:", "--retries", "2", "--timeout", "20", "kademlia==2.2.3", "--dest"]);
        let output = pip.arg(&directory).output().await.expect("the interpreter of a virtual environment can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let unpack = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter='data')";
        let mut python = Command::new(self.python());
        python.args(["-c", unpack]).arg(directory.join("kademlia-2.2.3.tar.gz")).arg(&directory);
        let output = python.output().await.expect("the interpreter of a virtual environment can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        directory.join("kademlia-2.2.3")
    }
}
