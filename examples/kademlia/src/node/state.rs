use std::fs::{self, File};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::contacts::TextId;
use crate::{Contact, NodeId};

/// The saved identity and contacts of a node, with which it rejoins its network under the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The node's id.
    pub id: NodeId,
    /// The contacts of the routing table.
    pub contacts: Vec<Contact>,
}

/// The contents of the file, as JSON.
#[derive(Serialize, Deserialize)]
struct Contents {
    id: TextId,
    #[serde(rename = "neighbours")]
    contacts: Vec<(TextId, SocketAddr)>,
}

impl State {
    /// Reads a state from a file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file does not exist, cannot be read, or does not contain a state.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let Contents { id: TextId(id), contacts } = serde_json::from_slice(&fs::read(path)?)?;
        Ok(Self { id, contacts: contacts.into_iter().map(|(TextId(id), addr)| Contact::new(id, addr)).collect() })
    }

    /// Writes the state to a file atomically: after a crash, the file has the old or the new state.
    ///
    /// # Errors
    ///
    /// Returns an error if the file, or one of the same name with the suffix `.new`, cannot be
    /// written.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let contacts = self.contacts.iter().map(|contact| (TextId(contact.id), contact.addr)).collect();
        let contents = serde_json::to_vec_pretty(&Contents { id: TextId(self.id), contacts })?;
        let path = path.as_ref();
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let mut file = File::create(&unfinished)?;
        file.write_all(&contents)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_round_trips_and_a_malformed_one_is_an_error() {
        let path = std::env::temp_dir().join(format!("kademlia-state-{}.json", std::process::id()));
        let contacts = ["10.0.0.1:1", "[2001:db8::1]:2"]
            .map(|addr| Contact::new(NodeId::from_bytes([2; 20]), addr.parse().unwrap()));
        let state = State { id: NodeId::from_bytes([1; 20]), contacts: contacts.into() };
        state.save(&path).unwrap();
        assert_eq!(State::load(&path).unwrap(), state);
        for malformed in ["", "{}", "{\"id\": \"00\", \"neighbours\": []}"] {
            fs::write(&path, malformed).unwrap();
            assert!(State::load(&path).is_err(), "{malformed}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(State::load(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
