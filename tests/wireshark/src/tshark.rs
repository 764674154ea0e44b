use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::Capture;

/// `tshark` with the dissector, and without the settings of the user.
#[derive(Debug)]
pub struct Tshark {
    /// The folder of the captures, and of the settings, which are absent.
    folder: PathBuf,
}

/// The dissection of a frame: the requested fields with their values.
#[derive(Clone, Debug)]
pub struct Frame(Value);

impl Tshark {
    /// Finds `tshark` for the test of this name, which gets its own folder below `target`. Prints
    /// `SKIPPED` and returns `None` if it is not installed; the test must then return.
    ///
    /// # Panics
    ///
    /// Panics if the folder cannot be created.
    #[must_use]
    pub fn find(target: &str, test: &str) -> Option<Self> {
        if let Err(error) = Command::new("tshark").arg("--version").output() {
            // The test runner captures the output of `eprintln` and drops it if the test passes.
            let line = format!("\nSKIPPED: {test}: tshark cannot be run ({error}): `apt-get install tshark`\n");
            io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
            return None;
        }
        let folder = Path::new(target).join("wireshark").join(test);
        std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Some(Self { folder })
    }

    /// Dissects each frame of a capture into the given fields.
    ///
    /// # Panics
    ///
    /// Panics if `tshark` fails or prints to standard error, which includes errors of the
    /// dissector.
    #[must_use]
    pub fn frames(&self, capture: &Capture, fields: &[&str], arguments: &[&str]) -> Vec<Frame> {
        let fields = fields.iter().flat_map(|&field| ["-e", field]);
        let output = self.run(capture, &[&["-T", "json"], &*fields.collect::<Vec<_>>(), arguments].concat());
        let output: Value = serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error} in {output}"));
        let frames = output.as_array().expect("an array of frames").iter();
        let frames: Vec<_> = frames.map(|frame| Frame(frame["_source"]["layers"].clone())).collect();
        assert_eq!(frames.len(), capture.len(), "each datagram is a frame");
        frames
    }

    /// Returns the full dissection of each frame as text.
    ///
    /// # Panics
    ///
    /// Panics in the same cases as [`frames`](Self::frames).
    #[must_use]
    pub fn details(&self, capture: &Capture, arguments: &[&str]) -> String {
        self.run(capture, &[&["-V", "-O", "rpcudp"], arguments].concat())
    }

    fn run(&self, capture: &Capture, arguments: &[&str]) -> String {
        let file = self.folder.join("capture.pcap");
        std::fs::write(&file, capture.to_pcap()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let dissector = concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/../../docs/wireshark/rpcudp.lua");
        let mut command = Command::new("tshark");
        // Two passes, so that a request can refer to its response.
        command.arg("-r").arg(&file).args(["-2", "-X", dissector]).args(arguments);
        // No name resolution, and no settings of the user.
        command.arg("-n").env("HOME", &self.folder).env("XDG_CONFIG_HOME", &self.folder).env("LC_ALL", "C.UTF-8");
        let Output { status, stdout, stderr } = command.output().expect("tshark can be run");
        let stderr = String::from_utf8_lossy(&stderr);
        // Random bytes trigger bugs of other dissectors, which are ignored.
        let is_foreign = |line: &str| line.contains("Dissector bug") && !line.contains("rpcudp");
        let is_ours = |line: &&str| !line.is_empty() && !line.starts_with("Running as user") && !is_foreign(line);
        let complaints: Vec<_> = stderr.lines().filter(is_ours).collect();
        assert!(status.success() && complaints.is_empty(), "tshark: {status}\n{}", complaints.join("\n"));
        String::from_utf8(stdout).expect("tshark prints UTF-8")
    }
}

impl Frame {
    /// Returns the value of a field that occurs at most once.
    ///
    /// # Panics
    ///
    /// Panics if the field occurs more than once.
    #[must_use]
    pub fn one(&self, field: &str) -> Option<&str> {
        let values = self.all(field);
        assert!(values.len() < 2, "{field} has {values:?}");
        values.first().copied()
    }

    /// Returns the values of a field in the order of the tree.
    #[must_use]
    pub fn all(&self, field: &str) -> Vec<&str> {
        let values = self.0[field].as_array().map_or(&[][..], Vec::as_slice);
        values.iter().filter_map(Value::as_str).collect()
    }
}
