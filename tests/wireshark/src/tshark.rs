use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::Capture;

/// `tshark` with the dissector, and with no settings of whoever runs the tests.
#[derive(Debug)]
pub struct Tshark {
    /// Where captures are put, and where it looks for settings.
    folder: PathBuf,
}

/// What `tshark` says of a frame: the fields that were asked for, each with all that it has of it.
#[derive(Clone, Debug)]
pub struct Frame(Value);

impl Tshark {
    /// Finds it, for the test of that name, which has a folder of its own below `target`. `None` where it is not installed:
    /// the test has then said so, and is to end.
    ///
    /// # Panics
    ///
    /// Where there can be no such folder.
    #[must_use]
    pub fn find(target: &str, test: &str) -> Option<Self> {
        if let Err(error) = Command::new("tshark").arg("--version").output() {
            // The test runner keeps what `eprintln` says of a test that passes to itself.
            let line = format!("\nSKIPPED: {test}: there is no tshark, `apt-get install tshark` ({error})\n");
            io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
            return None;
        }
        let folder = Path::new(target).join("wireshark").join(test);
        std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        Some(Self { folder })
    }

    /// The fields of each frame of a capture.
    ///
    /// # Panics
    ///
    /// Where `tshark` fails or says something on stderr, as it does about a dissector with an error.
    #[must_use]
    pub fn frames(&self, capture: &Capture, fields: &[&str], arguments: &[&str]) -> Vec<Frame> {
        let fields = fields.iter().flat_map(|&field| ["-e", field]);
        let said = self.run(capture, &[&["-T", "json"], &*fields.collect::<Vec<_>>(), arguments].concat());
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"));
        let frames = said.as_array().expect("an array of frames").iter();
        let frames: Vec<_> = frames.map(|frame| Frame(frame["_source"]["layers"].clone())).collect();
        assert_eq!(frames.len(), capture.len(), "each datagram is a frame");
        frames
    }

    /// Everything that it says of each frame, as people read it.
    ///
    /// # Panics
    ///
    /// As above.
    #[must_use]
    pub fn details(&self, capture: &Capture, arguments: &[&str]) -> String {
        self.run(capture, &[&["-V", "-O", "rpcudp"], arguments].concat())
    }

    fn run(&self, capture: &Capture, arguments: &[&str]) -> String {
        let file = self.folder.join("capture.pcap");
        std::fs::write(&file, capture.to_pcap()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let dissector = concat!("lua_script:", env!("CARGO_MANIFEST_DIR"), "/../../docs/wireshark/rpcudp.lua");
        let mut command = Command::new("tshark");
        // Twice over the capture, so that a request knows of its answer.
        command.arg("-r").arg(&file).args(["-2", "-X", dissector]).args(arguments);
        // Nothing is asked of the network, and nothing is read that somebody has set.
        command.arg("-n").env("HOME", &self.folder).env("XDG_CONFIG_HOME", &self.folder).env("LC_ALL", "C.UTF-8");
        let Output { status, stdout, stderr } = command.output().expect("tshark has been found");
        let stderr = String::from_utf8_lossy(&stderr);
        // Chance finds bugs of other dissectors.
        let others = |line: &str| line.contains("Dissector bug") && !line.contains("rpcudp");
        let is_ours = |line: &&str| !line.is_empty() && !line.starts_with("Running as user") && !others(line);
        let complaints: Vec<_> = stderr.lines().filter(is_ours).collect();
        assert!(status.success() && complaints.is_empty(), "tshark: {status}\n{}", complaints.join("\n"));
        String::from_utf8(stdout).expect("it writes UTF-8")
    }
}

impl Frame {
    /// The value of a field that it has once, or not at all.
    ///
    /// # Panics
    ///
    /// Where it has several.
    #[must_use]
    pub fn one(&self, field: &str) -> Option<&str> {
        let values = self.all(field);
        assert!(values.len() < 2, "{field} has {values:?}");
        values.first().copied()
    }

    /// The values of a field, in the order of the tree.
    #[must_use]
    pub fn all(&self, field: &str) -> Vec<&str> {
        let values = self.0[field].as_array().map_or(&[][..], Vec::as_slice);
        values.iter().filter_map(Value::as_str).collect()
    }
}
