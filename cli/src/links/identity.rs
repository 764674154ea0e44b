use std::path::Path;

use rpcudp::{Builder, Identity, LinkOptions, PeerId, Plain};

use super::key_file;
use super::wire::parse_key;
use crate::exit::Failure;

/// The identity of an endpoint, if it has links.
#[derive(Clone, Debug)]
pub(crate) struct LinkIdentity(Option<Identity>);

impl LinkIdentity {
    /// Returns the identity of a command that calls: that of `--identity`, or a new one. None if no
    /// peer is called over a link.
    pub(crate) fn of_caller(file: Option<&Path>, has_links: bool) -> Result<Self, Failure> {
        match file {
            Some(_) if !has_links => Err(Failure::usage(
                "--identity has no effect on a plain address: write KEY@HOST:PORT, or any@HOST:PORT for every key",
            )),
            Some(file) => Ok(Self(Some(key_file::read(file)?))),
            None => Ok(Self(has_links.then(Identity::generate))),
        }
    }

    /// Sets the identity of an endpoint that calls. It takes the largest values, and no peer may
    /// open a link to it.
    pub(crate) fn add_to_caller(&self, builder: Builder) -> Builder {
        let Some(identity) = self.0.clone() else { return builder };
        let options = LinkOptions::default().max_message_len(usize::MAX);
        builder.identity(identity).link_options(options).allow([])
    }

    /// Returns the identity of `listen`, which has links only with `--identity`.
    pub(crate) fn of_listener(file: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self(file.map(key_file::read).transpose()?))
    }

    /// Sets the identity of an endpoint that listens, and the keys that may open a link to it: all
    /// if none is given.
    pub(crate) fn add_to_listener(
        &self,
        builder: Builder,
        allowed: &[String],
        refuses_plain: bool,
    ) -> Result<Builder, Failure> {
        let Some(identity) = self.0.clone() else { return Ok(builder) };
        let mut builder = builder.identity(identity);
        if !allowed.is_empty() {
            let keys = allowed.iter().map(|word| parse_allowed(word)).collect::<Result<Vec<_>, _>>()?;
            builder = builder.allow(keys.into_iter().flatten());
        }
        Ok(if refuses_plain { builder.plain(Plain::CallsOnly) } else { builder })
    }

    /// Returns the public key as text.
    pub(crate) fn key(&self) -> Option<String> {
        self.0.as_ref().map(|identity| identity.peer_id().to_string())
    }
}

/// Parses a word of `--allow`: a key, or `@FILE` with a key on each line. Text after a `#` is a
/// comment.
fn parse_allowed(word: &str) -> Result<Vec<PeerId>, Failure> {
    let Some(file) = word.strip_prefix('@') else { return Ok(vec![parse_key(word)?]) };
    let list = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("the list of keys {file} cannot be read: {error}")))?;
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let keys: Vec<_> = lines.filter(|line| !line.is_empty()).map(parse_key).collect::<Result<_, _>>()?;
    match keys.is_empty() {
        true => Err(Failure::usage(format!("the list of keys {file} has no key"))),
        false => Ok(keys),
    }
}
