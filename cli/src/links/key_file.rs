//! Files that contain a private key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rpcudp::Identity;

use crate::exit::Failure;

/// The longest file of a key, which may have other sections of PEM besides.
const MAX_LEN: u64 = 64 << 10;

/// Reads an identity from a PEM file, or from standard input if the path is `-`.
pub(crate) fn read(path: &Path) -> Result<Identity, Failure> {
    let name = path.display();
    let mut pem = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().take(MAX_LEN).read_to_end(&mut pem)
    } else {
        File::open(path).and_then(|file| {
            warn_of_readers(path, &file);
            file.take(MAX_LEN).read_to_end(&mut pem)
        })
    };
    if let Err(error) = read {
        let failure = Failure::usage(format!("the identity {name} cannot be read: {error}"));
        return Err(match error.kind() {
            io::ErrorKind::NotFound => failure.advise("`rpcudp key generate --out FILE` makes one"),
            _ => failure,
        });
    }
    Identity::from_pem(&pem).map_err(|error| Failure::usage(format!("the identity {name} has no private key: {error}")))
}

/// Writes an identity to a new file that only its owner can read, or in place of an existing one.
pub(crate) fn write(path: &Path, identity: &Identity, replaces: bool) -> Result<(), Failure> {
    let name = path.display();
    let pem = identity.to_pem();
    let written = if replaces { replace(path, &pem, identity) } else { create(path, &pem) };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{name} exists already")).advise("--force replaces it, and its key is lost then")
        }
        _ => Failure::usage(format!("{name} cannot be written: {error}")),
    })
}

/// Writes a new file. The key is never in a file that others can read, and no existing file is
/// opened.
fn create(path: &Path, pem: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(pem.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a key is of no use.
        let _ = fs::remove_file(path);
    }
    written
}

/// Writes a file beside the existing one and renames it, so that an error leaves the old key.
fn replace(path: &Path, pem: &str, identity: &Identity) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:.8}", identity.peer_id()));
    let new: PathBuf = path.with_file_name(name);
    create(&new, pem)?;
    fs::rename(&new, path).inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Prints a warning if other users of the host can read the key.
#[cfg(unix)]
fn warn_of_readers(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt;

    let others = file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0);
    if others {
        let name = path.display();
        anstream::eprintln!("rpcudp: other users of this host can read the key in {name}: chmod 600 {name}");
    }
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path, _: &File) {}
