use std::{error, fmt};

use rpcudp_core::contract::Contract;

/// The methods that a peer needs and that the server lacks, or has in another form. The error of
/// [`Join::require`](super::Join::require).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContractMismatch {
    /// The wire names of the methods that the server does not serve.
    pub missing: Vec<String>,
    /// The methods that differ.
    pub changed: Vec<ChangedMethod>,
}

/// A method that both sides have in different forms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedMethod {
    /// The wire name.
    pub name: String,
    /// The signature in the contract that the peer requires.
    pub ours: String,
    /// The signature in the contract that the server serves.
    pub theirs: String,
}

impl ContractMismatch {
    /// The number of methods of each kind that are kept.
    const MAX_COUNT: usize = 150;

    pub(super) fn new(required: &[&'static Contract], missing: Vec<String>, changed: Vec<(String, String)>) -> Self {
        let signature = |name: &str| {
            let mut methods = required.iter().flat_map(|contract| &*contract.methods);
            methods.find(|method| method.wire_name == name).map(|method| method.signature()).unwrap_or_default()
        };
        let changed = changed.into_iter().take(Self::MAX_COUNT).map(|(name, theirs)| {
            let (name, theirs) = (printable(&name), printable(&theirs));
            ChangedMethod { ours: signature(&name), name, theirs }
        });
        let missing = missing.into_iter().take(Self::MAX_COUNT).map(|name| printable(&name));
        Self { missing: missing.collect(), changed: changed.collect() }
    }
}

/// Returns text of a peer, safe for logs and terminals.
pub(super) fn printable(text: &str) -> String {
    /// Enough for a signature of a dozen arguments.
    const MAX_CHAR_COUNT: usize = 1_000;
    let mut printable = String::new();
    for character in text.chars().take(MAX_CHAR_COUNT) {
        if character.is_control() { printable.extend(character.escape_debug()) } else { printable.push(character) }
    }
    printable
}

impl fmt::Display for ContractMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server has another contract")?;
        for name in &self.missing {
            write!(f, "\n  `{name}` is missing")?;
        }
        for ChangedMethod { name, ours, theirs } in &self.changed {
            write!(f, "\n  `{name}` differs:\n    required: {ours}\n    served:   {theirs}")?;
            if ours == theirs {
                f.write_str("\n    (a type of the same name has other fields: `rpcudp describe` prints the server's)")?;
            }
        }
        Ok(())
    }
}

impl error::Error for ContractMismatch {}
