//! Decoders of the responses, which bound the memory that a hostile peer's response can take.
//!
//! serde's derive for an untagged enum would first buffer the whole response, up to 2 MB for a
//! datagram of 64 KiB, and one malformed contact would invalidate all others.

use std::fmt;

use rpcudp::value::Encoded;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::compact;
use super::contract::{FindValueResponse, ObservedAddr};
use super::lenient::{ContactEntry, TextKey, socket_addr};
use crate::Contacts;

impl<'de> Deserialize<'de> for FindValueResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Encoded::deserialize(deserializer)?;
        if let Some(list) = compact::contacts(encoded.bytes()) {
            return Ok(Self::Contacts(list.into()));
        }
        encoded.decode().map(|AnyResponse(response)| response).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Contacts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Encoded::deserialize(deserializer)?;
        if let Some(list) = compact::contacts(encoded.bytes()) {
            return Ok(list.into());
        }
        encoded.decode().map(|AnyContacts(contacts)| contacts).map_err(de::Error::custom)
    }
}

/// A response to `find_value` with contacts of any form.
struct AnyResponse(FindValueResponse);

impl<'de> Deserialize<'de> for AnyResponse {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FindValueVisitor;

        impl<'de> Visitor<'de> for FindValueVisitor {
            type Value = FindValueResponse;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with `value`, or a list of contacts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FindValueResponse, A::Error> {
                let mut value = None;
                while let Some(TextKey(key)) = map.next_key()? {
                    if key == Some("value") {
                        value = Some(map.next_value()?);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                value.map(|value| FindValueResponse::Value { value }).ok_or_else(|| de::Error::missing_field("value"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<FindValueResponse, A::Error> {
                read_contacts(seq).map(FindValueResponse::Contacts)
            }
        }

        deserializer.deserialize_any(FindValueVisitor).map(Self)
    }
}

/// Contacts of any form.
pub(super) struct AnyContacts(pub(super) Contacts);

impl<'de> Deserialize<'de> for AnyContacts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContactsVisitor;

        impl<'de> Visitor<'de> for ContactsVisitor {
            type Value = Contacts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of contacts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Contacts, A::Error> {
                read_contacts(seq)
            }
        }

        deserializer.deserialize_any(ContactsVisitor).map(Self)
    }
}

impl<'de> Deserialize<'de> for ObservedAddr {
    /// Reads an IP address and a port, and ignores further elements.
    ///
    /// Python sends the tuple of its socket API, which has four elements for an IPv6 address.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObservedAddrVisitor;

        impl<'de> Visitor<'de> for ObservedAddrVisitor {
            type Value = ObservedAddr;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an IP address and a port")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ObservedAddr, A::Error> {
                let (ip, port) = (seq.next_element()?, seq.next_element()?);
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                let addr = socket_addr(ip, port).ok_or_else(|| de::Error::custom("malformed IP address or port"))?;
                Ok(ObservedAddr(addr))
            }
        }

        deserializer.deserialize_any(ObservedAddrVisitor)
    }
}

fn read_contacts<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Contacts, A::Error> {
    let list = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(Contacts::MAX_COUNT));
    let mut contacts = Contacts { list, ..Contacts::default() };
    while let Some(entry) = seq.next_element()? {
        match entry {
            ContactEntry::Contact(contact) => contacts.list.push(contact),
            ContactEntry::Named(contact) if contacts.named.len() < Contacts::MAX_NAMED => contacts.named.push(contact),
            ContactEntry::Named(_) | ContactEntry::Malformed => contacts.malformed += 1,
        }
        if contacts.list.len() + contacts.named.len() + contacts.malformed > Contacts::MAX_COUNT {
            return Err(de::Error::invalid_length(Contacts::MAX_COUNT + 1, &"fewer contacts"));
        }
    }
    Ok(contacts)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use rpcudp::transport::canonical;
    use rpcudp_core::codec::{decode, encode};

    use super::*;
    use crate::{Contact, NodeId, Value};

    fn encode_to_vec<T: serde::Serialize>(value: &T) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(&mut bytes, value).unwrap();
        bytes
    }

    fn contact() -> impl Strategy<Value = Contact> {
        let ip = prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)];
        (any::<[u8; 20]>(), ip, any::<u16>())
            .prop_map(|(id, ip, port)| Contact::new(NodeId::from_bytes(id), canonical((ip, port).into())))
    }

    proptest! {
        #[test]
        fn contacts_round_trip(list in vec(contact(), 0..=100)) {
            let contacts = Contacts::from(list);
            let bytes = encode_to_vec(&contacts);
            prop_assert_eq!(&decode::<Contacts>(&bytes).unwrap(), &contacts);
            prop_assert_eq!(decode::<FindValueResponse>(&bytes).unwrap(), FindValueResponse::Contacts(contacts));
        }

        /// Decoding never panics, and a decoded response is within the limits.
        #[test]
        fn arbitrary_bytes_decode_within_the_limits_or_fail(bytes in vec(any::<u8>(), 0..400)) {
            if let Ok(FindValueResponse::Contacts(contacts)) = decode::<FindValueResponse>(&bytes) {
                prop_assert!(contacts.list.len() + contacts.named.len() + contacts.malformed <= Contacts::MAX_COUNT);
            }
            drop(decode::<ObservedAddr>(&bytes));
            drop(decode::<Value>(&bytes));
        }
    }

    #[test]
    fn responses_of_python_nodes_are_decoded() {
        let id = [7; 20];
        let contact = Contact::new(NodeId::from_bytes(id), "10.0.0.1:8468".parse().unwrap());
        let bytes = [b"\x91\x93\xc4\x14", &id[..], b"\xa810.0.0.1\xcd\x21\x14"].concat();
        assert_eq!(decode::<FindValueResponse>(&bytes).unwrap(), FindValueResponse::Contacts(vec![contact].into()));
        // Python 2 sends the IP address as bytes.
        let bytes = [b"\x91\x93\xc4\x14", &id[..], b"\xc4\x0810.0.0.1\xcd\x21\x14"].concat();
        assert_eq!(decode::<FindValueResponse>(&bytes).unwrap(), FindValueResponse::Contacts(vec![contact].into()));
        let value = FindValueResponse::Value { value: Value::Text("v".into()) };
        assert_eq!(decode::<FindValueResponse>(b"\x81\xa5value\xa1v").unwrap(), value);
        assert_eq!(encode_to_vec(&value), b"\x81\xa5value\xa1v");
        // The extra elements of an IPv6 address, and an entry that a later version might add.
        let addr: ObservedAddr = decode(b"\x94\xa3::1\x07\x00\x00").unwrap();
        assert_eq!(addr, ObservedAddr("[::1]:7".parse().unwrap()));
        assert_eq!(decode::<FindValueResponse>(b"\x82\xa3age\x05\xa5value\xa1v").unwrap(), value);
    }

    #[test]
    fn host_names_are_kept_up_to_a_limit() {
        let entry = |host: &str, port: u16| (vec![7_u8; 20], host.to_owned(), port);
        let names = ["localhost", "node-1.example.org", "a.b", "x_y.local."].map(|host| entry(host, 8_468));
        let bytes = encode_to_vec(&names.as_slice());
        let contacts: Contacts = decode(&bytes).unwrap();
        let hosts: Vec<_> = contacts.named.iter().map(|contact| &*contact.host).collect();
        assert_eq!(hosts, ["localhost", "node-1.example.org", "a.b", "x_y.local."]);
        let long = "a".repeat(254);
        let refused = ["", "-x", "a b", "a/b", "a:1", "1.2.3", "1.2.3.4.5", "[::1]", "\u{e9}t\u{e9}", &long];
        let contacts: Contacts = decode(&encode_to_vec(&refused.map(|host| entry(host, 1)).as_slice())).unwrap();
        assert_eq!((contacts.named.len(), contacts.malformed), (0, refused.len()));
        let contacts: Contacts = decode(&encode_to_vec(&vec![entry("localhost", 1); 50])).unwrap();
        assert_eq!((contacts.named.len(), contacts.malformed), (Contacts::MAX_NAMED, 50 - Contacts::MAX_NAMED));
        let contacts: Contacts = decode(&encode_to_vec(&vec![entry("localhost", 0)])).unwrap();
        assert_eq!(contacts.malformed, 1, "port 0");
    }

    #[test]
    fn malformed_responses_are_refused() {
        for bytes in
            [&b"\xc0"[..], b"\x07", b"\xa1v", b"\x80", b"\x81\xa1v\x07", b"\x81\xa5value\xc0", b"\x81\xa5value\x91\x01"]
        {
            assert!(decode::<FindValueResponse>(bytes).is_err(), "{bytes:x?}");
        }
        let too_many: Vec<Contact> = vec![Contact::new(NodeId::from_bytes([1; 20]), "1.2.3.4:5".parse().unwrap()); 101];
        assert!(decode::<FindValueResponse>(&encode_to_vec(&Contacts::from(too_many))).is_err());
    }
}
