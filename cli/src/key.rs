//! `rpcudp key`: makes identities, and shows their public keys.

use std::path::Path;

use rpcudp::{Identity, PeerId};
use serde_json::json;

use crate::args::KeyCommand;
use crate::exit::Failure;
use crate::links::key_file;
use crate::output;
use crate::value::hex;

/// Runs `rpcudp key`.
pub(crate) fn run(command: &KeyCommand, as_json: bool) -> Result<(), Failure> {
    match command {
        KeyCommand::Generate { out: Some(file), force } => {
            let identity = Identity::generate();
            key_file::write(file, &identity, *force)?;
            print(identity.peer_id(), as_json)
        }
        KeyCommand::Generate { out: None, .. } => print_private(&Identity::generate(), as_json),
        KeyCommand::Show { file } => print(key_file::read(Path::new(file))?.peer_id(), as_json),
    }
}

fn print(key: PeerId, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return Ok(output::json_line(&json!({ "key": key.to_string(), "hex": hex::encode(key.as_bytes()) }))?);
    }
    Ok(output::line(&key.to_string())?)
}

fn print_private(identity: &Identity, as_json: bool) -> Result<(), Failure> {
    let (key, pem) = (identity.peer_id(), identity.to_pem());
    if as_json {
        return Ok(output::json_line(
            &json!({ "key": key.to_string(), "hex": hex::encode(key.as_bytes()), "pem": pem }),
        )?);
    }
    Ok(output::line(pem.trim_end())?)
}
