//! Files of any size, in both directions, with progress and cancellation.
//!
//! A file is a stream of chunks. The sender waits for the receiver, so neither holds more than a
//! few of them. This program sends a file of its own to a server in the same process, gets it back,
//! compares the hashes, and drops a third transfer half-way.
//!
//! ```text
//! cargo run --release --example files --features secure -- 1000    # megabytes
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rpcudp::{AnyPeer, Endpoint, Identity, Inflow, Outflow, OutflowError, OutflowSender, rpc_service};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

/// A directory of files.
#[rpc_service]
pub trait Files {
    /// Stores a file. Returns its hash. Away from loopback, the server needs a
    /// `Builder::handler_timeout` of at least a tenth of this timeout.
    #[rpc(timeout = "60m")]
    async fn put(&self, name: &str, chunks: Inflow<Vec<u8>, String>) -> Result<Vec<u8>, String>;
    /// Sends a file.
    async fn get(&self, name: &str) -> Result<Outflow<Vec<u8>, String>, String>;
}

struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Returns the path of a file, unless its name leads out of the directory.
    fn file(&self, name: &str) -> Result<PathBuf, String> {
        let is_plain = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric());
        if is_plain { Ok(self.path.join(name)) } else { Err(format!("{name:?} is no name of a file")) }
    }
}

impl Files for Directory {
    async fn put(&self, name: &str, mut chunks: Inflow<Vec<u8>, String>) -> Result<Vec<u8>, String> {
        let path = self.file(name)?;
        // Removed if the transfer ends early: this handler is dropped with the call.
        let partial = Partial(path.with_extension("partial"));
        let mut file = File::create(&partial.0).map_err(|error| error.to_string())?;
        let mut hash = Sha256::new();
        while let Some(chunk) = chunks.recv().await.map_err(|end| end.to_string())? {
            hash.update(&chunk);
            // A busy server writes with `spawn_blocking`, or with `tokio::fs`.
            file.write_all(&chunk).map_err(|error| error.to_string())?;
        }
        fs::rename(&partial.0, path).map_err(|error| error.to_string())?;
        Ok(hash.finalize().to_vec())
    }

    async fn get(&self, name: &str) -> Result<Outflow<Vec<u8>, String>, String> {
        let file = File::open(self.file(name)?).map_err(|error| error.to_string())?;
        let (sender, chunks) = Outflow::channel(2);
        tokio::task::spawn_blocking(move || send(file, sender, |_| ()));
        Ok(chunks)
    }
}

/// A file that is not complete.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Sends a file, on a thread that may block.
fn send(
    mut file: File,
    sender: OutflowSender<Vec<u8>, String>,
    mut progress: impl FnMut(usize),
) -> Result<(), OutflowError> {
    const CHUNK_LEN: usize = 64 << 10;
    loop {
        let mut chunk = vec![0; CHUNK_LEN];
        match file.read(&mut chunk) {
            Ok(0) => return Handle::current().block_on(sender.finish()),
            Ok(len) => {
                chunk.truncate(len);
                Handle::current().block_on(sender.send(chunk))?;
                progress(len);
            }
            Err(error) => return Handle::current().block_on(sender.fail(error.to_string())),
        }
    }
}

/// Prints the progress of a transfer, in tenths.
struct Progress {
    label: &'static str,
    len: u64,
    done: u64,
    begun: Instant,
}

impl Progress {
    fn new(label: &'static str, len: u64) -> Self {
        Self { label, len, done: 0, begun: Instant::now() }
    }

    fn add(&mut self, len: usize) {
        let tenths = |done| done * 10 / self.len.max(1);
        let before = tenths(self.done);
        self.done += len as u64;
        if tenths(self.done) > before {
            let rate = self.done as f64 / 1e6 / self.begun.elapsed().as_secs_f64();
            println!("{}: {:3} %, {rate:.0} MB/s", self.label, tenths(self.done) * 10);
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: u64 = std::env::args().nth(1).map_or(Ok(20), |count| count.parse())?;
    let directory = std::env::temp_dir().join(format!("rpcudp-files-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let transferred = transfer(&directory, megabytes * 1_000_000).await;
    fs::remove_dir_all(&directory)?;
    transferred
}

async fn transfer(directory: &Path, len: u64) -> Result<(), Box<dyn Error>> {
    let server = Endpoint::builder()
        .identity(Identity::generate())
        .serve(FilesServer::new(Directory { path: directory.to_owned() }))
        .bind("127.0.0.1:0")
        .await?;
    let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
    let files = FilesClient::secure(&endpoint, server.local_addr(), AnyPeer);

    let path = directory.join("mine");
    let hash = write_file(&path, len)?;
    let (sender, chunks) = Outflow::channel(2);
    let file = File::open(&path)?;
    let mut progress = Progress::new("put", len);
    tokio::task::spawn_blocking(move || send(file, sender, |len| progress.add(len)));
    let stored = files.put("theirs", chunks).await.map_err(|error| error.to_string())?;
    println!("The server's copy is equal: {}", stored == hash);

    let mut progress = Progress::new("get", len);
    let mut received = Sha256::new();
    let mut chunks = files.get("theirs").await.map_err(|error| error.to_string())?;
    while let Some(chunk) = chunks.recv().await.map_err(|end| end.to_string())? {
        received.update(&chunk);
        progress.add(chunk.len());
    }
    println!("The file that came back is equal: {}", received.finalize().to_vec() == hash);

    // Half a file, and the call is dropped: the server stops, and removes its part.
    let (sender, chunks) = Outflow::channel(2);
    let put = tokio::spawn(files.put("half", chunks));
    for _ in 0..10 {
        sender.send(vec![0; 64 << 10]).await?;
    }
    put.abort();
    sender.closed().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    println!("The half file was removed: {}", fs::read_dir(directory)?.count() == 2);
    Ok(())
}

/// Writes a file of this length. Returns its hash.
fn write_file(path: &Path, len: u64) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut file = File::create(path)?;
    let mut hash = Sha256::new();
    let mut number = 0_u64;
    let mut left = len;
    while left > 0 {
        let words = (0..8_192_u64).flat_map(|_| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            number.to_be_bytes()
        });
        let block: Vec<u8> = words.take(usize::try_from(left.min(65_536))?).collect();
        hash.update(&block);
        file.write_all(&block)?;
        left -= block.len() as u64;
    }
    Ok(hash.finalize().to_vec())
}
