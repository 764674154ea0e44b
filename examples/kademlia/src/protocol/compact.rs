//! Decodes a list of contacts in the form in which almost every node sends it.
//!
//! A lookup decodes twenty contacts with each response. serde passes each of their fields through a
//! value of any type, so that malformed entries can be skipped, which takes three times as long.

use std::net::Ipv4Addr;

use crate::{Contact, Contacts, ID_LEN, NodeId};

/// The first byte of an array of three elements.
const ARRAY_3: u8 = 0x93;

/// The first byte of an array of up to 15 elements, without their number, and of a longer one.
const FIX_ARRAY: u8 = 0x90;
const ARRAY_16: u8 = 0xdc;

/// The first byte of bytes with a length of one byte.
const BIN_8: u8 = 0xc4;

/// The first byte of a text of up to 31 bytes, without its length.
const FIX_STR: u8 = 0xa0;

/// The first bytes of numbers of one and two bytes. Numbers below 128 consist of one byte.
const U8: u8 = 0xcc;
const U16: u8 = 0xcd;

/// Decodes a list of contacts from the bytes of one msgpack value. `None` if it is no such list, if
/// it is longer than a response may be, or if any of the contacts has no id of 20 bytes or no IPv4
/// address: the [general decoder](super::decode) handles those.
pub(super) fn contacts(bytes: &[u8]) -> Option<Vec<Contact>> {
    let (count, mut rest) = match bytes {
        [ARRAY_16, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [first, rest @ ..] if first & 0xf0 == FIX_ARRAY => (usize::from(first & 0x0f), rest),
        _ => return None,
    };
    if count > Contacts::MAX_COUNT {
        return None;
    }
    let mut contacts = Vec::with_capacity(count);
    for _ in 0..count {
        let (contact, after) = contact(rest)?;
        contacts.push(contact);
        rest = after;
    }
    rest.is_empty().then_some(contacts)
}

fn contact(bytes: &[u8]) -> Option<(Contact, &[u8])> {
    let (heads, rest) = bytes.split_first_chunk()?;
    if *heads != [ARRAY_3, BIN_8, ID_LEN as u8] {
        return None;
    }
    let (id, rest) = rest.split_first_chunk()?;
    let (first, rest) = rest.split_first()?;
    if first & 0xe0 != FIX_STR {
        return None;
    }
    let (ip, rest) = rest.split_at_checked(usize::from(first & 0x1f))?;
    let (port, rest) = match rest {
        [U16, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        [U8, port, rest @ ..] => (u16::from(*port), rest),
        [port @ 0..0x80, rest @ ..] => (u16::from(*port), rest),
        _ => return None,
    };
    Some((Contact::new(NodeId::from_bytes(*id), (ipv4(ip)?, port).into()), rest))
}

/// Parses an IPv4 address like its `FromStr`.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let (mut index, mut octet, mut digit_count) = (0, 0_u16, 0);
    for byte in text {
        match byte {
            // No octet has a leading zero.
            b'0'..=b'9' if digit_count == 0 || (digit_count < 3 && octet > 0) => {
                octet = 10 * octet + u16::from(byte - b'0');
                digit_count += 1;
            }
            b'.' if digit_count > 0 && index < 3 => {
                octets[index] = u8::try_from(octet).ok()?;
                (index, octet, digit_count) = (index + 1, 0, 0);
            }
            _ => return None,
        }
    }
    octets[3] = u8::try_from(octet).ok().filter(|_| index == 3 && digit_count > 0)?;
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rpcudp_core::codec::{decode, encode};

    use super::super::decode::AnyContacts;
    use super::*;

    proptest! {
        #[test]
        fn addresses_are_parsed_as_the_standard_library_does(
            octets: [u8; 4],
            text in "[0-3.]{0,16}|[0-9]{0,4}([.][0-9]{0,4}){0,4}",
        ) {
            for text in [Ipv4Addr::from(octets).to_string(), text] {
                prop_assert_eq!(ipv4(text.as_bytes()), text.parse().ok(), "{:?}", text);
            }
        }

        #[test]
        fn contacts_are_those_of_the_general_decoder(
            contacts in vec((any::<[u8; 20]>(), any::<[u8; 4]>(), any::<u16>()), 0..40),
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ) {
            let contacts: Vec<_> = contacts
                .into_iter()
                .map(|(id, ip, port)| Contact::new(NodeId::from_bytes(id), (ip, port).into()))
                .collect();
            let mut bytes = Vec::new();
            encode(&mut bytes, &Contacts::from(contacts.clone())).unwrap();
            prop_assert_eq!(super::contacts(&bytes), Some(contacts));
            for (index, change) in changes {
                let index = index.index(bytes.len());
                bytes[index] = change;
            }
            if let Some(contacts) = super::contacts(&bytes) {
                prop_assert_eq!(decode::<AnyContacts>(&bytes).unwrap().0, contacts.into());
            }
        }
    }

    #[test]
    fn other_lists_are_left_to_the_general_decoder() {
        let id = [7; 20];
        let entry = |ip: &[u8], port: &[u8]| [b"\x91\x93\xc4\x14", &id[..], ip, port].concat();
        assert!(contacts(&entry(b"\xa810.0.0.1", b"\xcd\x21\x14")).is_some());
        for other in [
            entry(b"\xa3::1", b"\xcd\x21\x14"),
            entry(b"\xc4\x0810.0.0.1", b"\xcd\x21\x14"),
            entry(b"\xa810.0.0.1", b"\xce\0\0\x21\x14"),
            entry(b"\xa810.0.0.1", b"\xcd\x21\x14\xc0"),
            entry(b"\xa810.0.0.1", b"\xcd\x21"),
            b"\x80".into(),
            b"".into(),
        ] {
            assert_eq!(contacts(&other), None, "{other:x?}");
        }
        let too_many = [&b"\xdc\0\x65"[..], &entry(b"\xa810.0.0.1", b"\xcd\x21\x14")[1..].repeat(101)].concat();
        assert_eq!(contacts(&too_many), None);
    }
}
