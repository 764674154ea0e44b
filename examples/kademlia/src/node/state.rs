use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Contact, NodeId};

/// Who a node is and whom it knows: enough to come back into its network without any other address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Who it is.
    pub id: NodeId,
    /// Whom it knows.
    pub contacts: Vec<Contact>,
}

/// What the file holds, as JSON.
#[derive(Serialize, Deserialize)]
struct Contents {
    id: NodeId,
    neighbours: Vec<(NodeId, std::net::SocketAddr)>,
}

impl State {
    /// Reads it from a file.
    ///
    /// # Errors
    ///
    /// Where there is no such file, it cannot be read, or does not hold a state.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let Contents { id, neighbours } = serde_json::from_slice(&fs::read(path)?)?;
        Ok(Self { id, contacts: neighbours.into_iter().map(|(id, addr)| Contact::new(id, addr)).collect() })
    }

    /// Writes it to a file, in its place all at once: whenever the program ends, the old or the new one is there.
    ///
    /// # Errors
    ///
    /// Where the file, or one beside it with the ending `new`, cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let neighbours = self.contacts.iter().map(|contact| (contact.id, contact.addr)).collect();
        let contents = serde_json::to_vec_pretty(&Contents { id: self.id, neighbours })?;
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
    fn a_state_is_read_back_and_nonsense_is_an_error() {
        let path = std::env::temp_dir().join(format!("kademlia-state-{}.json", std::process::id()));
        let contacts = ["10.0.0.1:1", "[2001:db8::1]:2"]
            .map(|addr| Contact::new(NodeId::from_bytes([2; 20]), addr.parse().unwrap()));
        let state = State { id: NodeId::from_bytes([1; 20]), contacts: contacts.into() };
        state.save(&path).unwrap();
        assert_eq!(State::load(&path).unwrap(), state);
        for nonsense in ["", "{}", "{\"id\": \"00\", \"neighbours\": []}"] {
            fs::write(&path, nonsense).unwrap();
            assert!(State::load(&path).is_err(), "{nonsense}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(State::load(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
