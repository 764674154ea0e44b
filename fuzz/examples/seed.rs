//! Writes the initial corpus of each target.

use std::path::Path;
use std::{fs, io};

use rpcudp_fuzz::seeds;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in seeds::TARGETS {
        let directory = corpus.join(target);
        fs::create_dir_all(&directory)?;
        let seeds = seeds::of(target);
        for (name, seed) in &seeds {
            fs::write(directory.join(format!("seed-{name}")), seed)?;
        }
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
