use rpcudp_core::codec::{decode, encode};
use rpcudp_core::contract::Contract;
use rpcudp_core::description::{Assembly, Page};

/// Decodes an array of pages of an untrusted peer, and assembles them. The contracts must print
/// without control characters, stay within their bounds, and survive another encoding.
pub fn description(bytes: &[u8]) {
    let Ok(pages) = decode::<Vec<Page>>(bytes) else { return };
    let mut assembly = Assembly::default();
    for page in pages {
        if assembly.wanted().is_none() || assembly.add(page).is_err() {
            break;
        }
    }
    for contract in assembly.finish() {
        let printed = contract.to_string();
        let control = printed.chars().find(|&character| character.is_control() && !matches!(character, '\n' | '\t'));
        assert_eq!(control, None, "{printed:?}");
        assert!(contract.methods.len() <= Assembly::MAX_PARTS as usize);
        assert!(contract.methods.iter().all(|method| method.wire_name.starts_with(&*contract.namespace)));
        let mut again = Vec::new();
        encode(&mut again, &contract).expect("a decoded contract can be encoded");
        assert_eq!(decode::<Contract>(&again).expect("an encoded contract can be decoded"), contract);
    }
}
