use rpcudp_core::codec::{decode, encode};
use rpcudp_core::contract::Contract;
use rpcudp_core::description::{Assembly, Page};

/// Takes bytes for an array of pages that a stranger sends one after the other: what becomes of them can be printed on a
/// terminal, is no larger than is allowed, and is the same when it has travelled once more.
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
        let unseen = printed.chars().find(|&character| character.is_control() && !matches!(character, '\n' | '\t'));
        assert_eq!(unseen, None, "{printed:?}");
        assert!(contract.methods.len() <= Assembly::MAX_PARTS as usize);
        assert!(contract.methods.iter().all(|method| method.wire_name.starts_with(&*contract.namespace)));
        let mut again = Vec::new();
        encode(&mut again, &contract).expect("what has come can be sent");
        assert_eq!(decode::<Contract>(&again).expect("what was legal is legal"), contract);
    }
}
