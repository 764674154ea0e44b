use std::error::Error;
use std::fmt;

/// The metadata of a request: texts with a key each, which travel beside the arguments.
///
/// Encoded as one block: for each entry the length of its key (one byte), the key, the length of
/// its value (two bytes, big-endian) and the value. A block has at most
/// [`MAX_LEN`](Self::MAX_LEN) bytes. The trailer of a request carries it, in fields of up to 255
/// bytes.
///
/// ```
/// use rpcudp_core::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.set("tenant", "acme")?;
/// metadata.set("tenant", "initech")?;
/// assert_eq!(metadata.get("tenant"), Some("initech"));
/// assert_eq!(metadata.get("locale"), None);
/// # Ok::<(), rpcudp_core::MetadataError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// Valid entries.
    block: Vec<u8>,
}

/// The undecoded metadata of a request.
///
/// [`decode`](Self::decode) decodes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawMetadata<'a> {
    /// Consecutive fields of the trailer, each with its type and length.
    fields: &'a [u8],
}

/// The reason why an entry cannot be added to [`Metadata`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataError {
    /// The key is empty or too long.
    KeyLen {
        /// The length of the key, in bytes.
        len: usize,
        /// The limit, in bytes: [`Metadata::MAX_KEY_LEN`].
        limit: usize,
    },
    /// The metadata would be too long with the entry.
    TooLong {
        /// The length of the metadata with the entry, in bytes. Each entry counts its key, its
        /// value and three bytes.
        len: usize,
        /// The limit, in bytes: [`Metadata::MAX_LEN`], or fewer if the arguments leave less room in
        /// the datagram.
        limit: usize,
    },
}

/// The bytes of an entry besides its key and value.
const ENTRY_OVERHEAD: usize = 1 + 2;

impl Metadata {
    /// The maximum length of the metadata of a request, in bytes. Each entry counts its key, its
    /// value and three bytes.
    ///
    /// A request with as much metadata and 600 bytes of arguments still fits into one packet on
    /// every path.
    pub const MAX_LEN: usize = 512;

    /// The maximum length of a key, in bytes.
    pub const MAX_KEY_LEN: usize = u8::MAX as usize;

    /// Returns metadata without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self { block: Vec::new() }
    }

    /// Adds an entry, or replaces the value of the key.
    ///
    /// # Errors
    ///
    /// Fails if the key is empty or has more than [`MAX_KEY_LEN`](Self::MAX_KEY_LEN) bytes, or if
    /// the metadata would have more than [`MAX_LEN`](Self::MAX_LEN) bytes. It is then unchanged.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), MetadataError> {
        let key_len = match u8::try_from(key.len()) {
            Ok(len) if len > 0 => len,
            _ => return Err(MetadataError::KeyLen { len: key.len(), limit: Self::MAX_KEY_LEN }),
        };
        let former = self.iter().filter(|(other, _)| *other == key);
        let former_len: usize = former.map(|(key, value)| ENTRY_OVERHEAD + key.len() + value.len()).sum();
        let len = self.block.len() - former_len + ENTRY_OVERHEAD + key.len() + value.len();
        let value_len = match u16::try_from(value.len()) {
            Ok(value_len) if len <= Self::MAX_LEN => value_len,
            _ => return Err(MetadataError::TooLong { len, limit: Self::MAX_LEN }),
        };
        // A peer may have sent several.
        while let Some((at, end)) = self.position(key) {
            self.block.drain(at..end);
        }
        self.block.push(key_len);
        self.block.extend_from_slice(key.as_bytes());
        self.block.extend_from_slice(&value_len.to_be_bytes());
        self.block.extend_from_slice(value.as_bytes());
        Ok(())
    }

    /// Returns the value of a key. The first entry counts, if a peer has sent several.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find_map(|(other, value)| (other == key).then_some(value))
    }

    /// Returns the entries in the order in which they are sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.block;
        std::iter::from_fn(move || {
            let (entry, after) = split_entry(rest)?;
            rest = after;
            Some(entry)
        })
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.block.is_empty()
    }

    /// Returns the length that [`MAX_LEN`](Self::MAX_LEN) bounds, in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.block.len()
    }

    pub(super) fn block(&self) -> &[u8] {
        &self.block
    }

    /// Returns the begin and the end of an entry in the block.
    fn position(&self, key: &str) -> Option<(usize, usize)> {
        let mut rest = &*self.block;
        while let Some(((other, _), after)) = split_entry(rest) {
            if other == key {
                return Some((self.block.len() - rest.len(), self.block.len() - after.len()));
            }
            rest = after;
        }
        None
    }
}

impl<'a> RawMetadata<'a> {
    /// Wraps consecutive fields of a trailer, each with its type and length.
    pub(super) const fn new(fields: &'a [u8]) -> Self {
        Self { fields }
    }

    /// Whether the request has no metadata.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Decodes the metadata. Returns `None` if there is none, or if it is longer than
    /// [`Metadata::MAX_LEN`] or not valid: then it is ignored as a whole.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpcudp_core::{Dialect, Metadata, Request};
    ///
    /// let mut metadata = Metadata::new();
    /// metadata.set("tenant", "acme")?;
    /// let mut datagram = Vec::new();
    /// Request::begin(&mut datagram, Dialect::Rpcudp, "ping", 0);
    /// Request::end_with_metadata(&mut datagram, Some(Duration::from_secs(5)), &metadata)?;
    ///
    /// let request = Request::decode(&datagram, Dialect::Rpcudp).expect("a request");
    /// assert_eq!(request.metadata.decode(), Some(metadata));
    /// # Ok::<(), rpcudp_core::MetadataError>(())
    /// ```
    #[must_use]
    pub fn decode(&self) -> Option<Metadata> {
        let mut block = Vec::with_capacity(self.fields.len().min(Metadata::MAX_LEN));
        let mut fields = self.fields;
        while let Some(([_, len], rest)) = fields.split_first_chunk() {
            let (value, rest) = rest.split_at_checked(usize::from(*len))?;
            if block.len() + value.len() > Metadata::MAX_LEN {
                return None;
            }
            block.extend_from_slice(value);
            fields = rest;
        }
        let mut rest = &*block;
        while !rest.is_empty() {
            rest = split_entry(rest)?.1;
        }
        (!block.is_empty()).then_some(Metadata { block })
    }
}

/// Splits a block after its first entry. Returns `None` if it does not begin with a valid entry.
fn split_entry(block: &[u8]) -> Option<((&str, &str), &[u8])> {
    let (key_len, rest) = block.split_first()?;
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let (value_len, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*value_len)))?;
    let (key, value) = (str::from_utf8(key).ok()?, str::from_utf8(value).ok()?);
    (!key.is_empty()).then_some(((key, value), rest))
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLen { len, limit } => write!(f, "its key has {len} bytes, and a key has 1 to {limit}"),
            Self::TooLong { len, limit } => {
                write!(
                    f,
                    "the metadata has {len} bytes with it, and {limit} are allowed: pass long data as an argument"
                )
            }
        }
    }
}

impl Error for MetadataError {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Dialect, Request, Trailer};

    /// Returns a request with these bytes after its body.
    fn request(trailer: &[u8]) -> Vec<u8> {
        [&b"\x00twenty bytes of id..\x92\xa1m\x90"[..], trailer].concat()
    }

    /// Returns the metadata of a request with these bytes after its body.
    fn decoded(trailer: &[u8]) -> Option<Metadata> {
        Request::decode(&request(trailer), Dialect::Rpcudp).unwrap().metadata.decode()
    }

    fn metadata(entries: &[(&str, &str)]) -> Metadata {
        let mut metadata = Metadata::new();
        entries.iter().for_each(|(key, value)| metadata.set(key, value).unwrap());
        metadata
    }

    #[test]
    fn layout_is_as_documented() {
        let metadata = metadata(&[("a", "1"), ("key", "")]);
        let block = b"\x01a\x00\x011\x03key\x00\x00";
        let mut datagram = request(b"");
        Request::end_with_metadata(&mut datagram, Some(Duration::from_secs(5)), &metadata).unwrap();
        assert_eq!(datagram, request(&[b"\xc1RuT\x01\x04\x00\x00\x13\x88\x04\x0b", &block[..]].concat()));
        let mut datagram = request(b"");
        Request::end_with_metadata(&mut datagram, None, &metadata).unwrap();
        assert_eq!(datagram, request(&[b"\xc1RuT\x04\x0b", &block[..]].concat()));
        let mut datagram = request(b"");
        Request::end_with_metadata(&mut datagram, None, &Metadata::new()).unwrap();
        assert_eq!(datagram, request(b""));
    }

    #[test]
    fn later_value_of_a_key_replaces_the_earlier_one_and_frees_its_room() {
        let long = "x".repeat(Metadata::MAX_LEN - ENTRY_OVERHEAD - 1);
        let mut metadata = metadata(&[("a", &long)]);
        assert_eq!(metadata.encoded_len(), Metadata::MAX_LEN);
        assert_eq!(metadata.set("b", ""), Err(MetadataError::TooLong { len: 516, limit: 512 }));
        metadata.set("a", "1").unwrap();
        metadata.set("b", "2").unwrap();
        metadata.set("a", "3").unwrap();
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("b", "2"), ("a", "3")]);
        assert_eq!(format!("{metadata:?}"), r#"{"b": "2", "a": "3"}"#);
    }

    #[test]
    fn new_value_replaces_all_that_a_peer_has_sent() {
        let mut metadata = decoded(b"\xc1RuT\x04\x0f\x01a\x00\x011\x01b\x00\x012\x01a\x00\x013").unwrap();
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2"), ("a", "3")]);
        metadata.set("a", "4").unwrap();
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("b", "2"), ("a", "4")]);
        assert_eq!((metadata.get("a"), metadata.encoded_len()), (Some("4"), 10));
    }

    #[test]
    fn invalid_entry_is_refused_with_the_limit_and_leaves_the_rest() {
        let mut metadata = metadata(&[("a", "1")]);
        for len in [0, 256, 70_000] {
            let error = metadata.set(&"k".repeat(len), "").unwrap_err();
            assert_eq!(error, MetadataError::KeyLen { len, limit: 255 });
        }
        for len in [503, 70_000] {
            let error = metadata.set("bc", &"v".repeat(len)).unwrap_err();
            assert_eq!(error, MetadataError::TooLong { len: len + 10, limit: 512 });
        }
        assert_eq!(metadata, self::metadata(&[("a", "1")]));
        metadata.set(&"k".repeat(255), "").unwrap();
    }

    #[test]
    fn block_is_split_into_fields_and_joined_again() {
        for len in [0, 200, 251, 252, 253, 400, 508] {
            let metadata = metadata(&[("a", &"x".repeat(len))]);
            for remaining in [None, Some(Duration::from_secs(5))] {
                let mut datagram = request(b"");
                Request::end_with_metadata(&mut datagram, remaining, &metadata).unwrap();
                let read = Request::decode(&datagram, Dialect::Rpcudp).unwrap();
                assert_eq!((read.metadata.decode().as_ref(), read.remaining), (Some(&metadata), remaining), "{len}");
            }
        }
        assert_eq!(decoded(b"\xc1RuT\x04\x01\x01\x04\x00\x04\x04a\x00\x011"), Some(metadata(&[("a", "1")])));
    }

    #[test]
    fn the_first_run_of_fields_and_the_first_entry_of_a_key_count() {
        let entry = b"\x04\x05\x01a\x00\x011";
        let other = b"\x04\x05\x01b\x00\x012";
        let remaining = b"\x01\x04\x00\x00\x13\x88";
        let read = decoded(&[b"\xc1RuT", &entry[..], remaining, other].concat());
        assert_eq!(read, Some(metadata(&[("a", "1")])));
        let read = decoded(&[b"\xc1RuT", &remaining[..], entry, other].concat());
        assert_eq!(read, Some(metadata(&[("a", "1"), ("b", "2")])));
        let read = decoded(b"\xc1RuT\x04\x0a\x01a\x00\x011\x01a\x00\x012").unwrap();
        assert_eq!((read.get("a"), read.iter().count()), (Some("1"), 2));
        // Fields beyond the eighth are not read.
        let late = [&b"\xc1RuT"[..], &b"\x07\x00".repeat(8), entry].concat();
        assert_eq!(decoded(&late), None);
    }

    #[test]
    fn invalid_block_is_ignored_as_a_whole() {
        for block in [
            &b"\x00\x00\x00"[..],
            b"\x01",
            b"\x01a\x00",
            b"\x01a\x00\x02x",
            b"\x01\xff\x00\x00",
            b"\x01a\x00\x01\xff",
            b"\x01a\x00\x011\x01",
        ] {
            assert_eq!(decoded(&[b"\xc1RuT\x04", &[block.len() as u8][..], block].concat()), None, "{block:?}");
        }
        let field = [&[4, 255][..], &[b'x'; 255]].concat();
        assert_eq!(decoded(&[&b"\xc1RuT"[..], &field.repeat(8)].concat()), None);
        assert_eq!(decoded(b"\xc1RuT\x04\x00"), None);
    }

    #[test]
    fn metadata_needs_room_in_the_datagram() {
        let metadata = metadata(&[("a", "1")]);
        for (free, remaining) in [(11, None), (17, Some(Duration::ZERO))] {
            for (missing, expected) in [(0, Ok(())), (1, Err(MetadataError::TooLong { len: 5, limit: 4 }))] {
                let mut datagram = vec![0; 65_507 - free + missing];
                assert_eq!(Request::end_with_metadata(&mut datagram, remaining, &metadata), expected);
                assert_eq!(datagram.len(), if missing == 0 { 65_507 } else { 65_507 - free + 1 });
            }
        }
    }

    proptest! {
        #[test]
        fn encoded_metadata_is_decoded(
            entries in proptest::collection::vec((".{1,20}", ".{0,60}"), 1..8), remaining: Option<u32>,
        ) {
            let mut metadata = Metadata::new();
            for (key, value) in &entries {
                let _ = metadata.set(key, value);
            }
            prop_assert!(metadata.encoded_len() <= Metadata::MAX_LEN);
            let mut datagram = request(b"");
            let remaining = remaining.map(|millis| Duration::from_millis(millis.into()));
            Request::end_with_metadata(&mut datagram, remaining, &metadata).unwrap();
            let read = Request::decode(&datagram, Dialect::Rpcudp).unwrap();
            prop_assert_eq!(read.remaining, remaining);
            prop_assert_eq!(read.metadata.decode().unwrap_or_default(), metadata);
        }

        #[test]
        fn no_bytes_panic_and_no_block_is_longer_than_the_limit(bytes: Vec<u8>, fields: Vec<Vec<u8>>) {
            let fields: Vec<u8> =
                fields.iter().flat_map(|field| [&[4, field.len().min(255) as u8][..], field].concat()).collect();
            for fields in [&bytes, &fields] {
                let metadata = decoded(&[b"\xc1RuT", &fields[..]].concat());
                prop_assert!(metadata.is_none_or(|metadata| metadata.encoded_len() <= Metadata::MAX_LEN));
                let _ = Trailer::read(fields);
            }
        }
    }
}
