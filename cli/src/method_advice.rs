//! Advice for a method that the peer does not have.

use std::time::Duration;

use rpcudp::Endpoint;
use rpcudp::contract::Contract;
use strsim::osa_distance;
use tokio::time::timeout;

use crate::address::PeerAddr;

/// The longest time to wait for the peer's contracts. A peer that publishes none refuses the query
/// at once.
const LIMIT: Duration = Duration::from_secs(1);

/// Returns advice for a method that the peer does not have: a method with a similar name, or the
/// command that lists all. Returns `None` if the peer publishes no contract.
pub(crate) async fn advice_on_method(endpoint: Endpoint, peer: PeerAddr, method: &str) -> Option<String> {
    let query = peer.wire.query(endpoint.describe(peer.addr));
    let contracts = timeout(LIMIT, query).await.ok()?.ok()?;
    advice(&contracts, peer, method)
}

fn advice(contracts: &[Contract], peer: PeerAddr, method: &str) -> Option<String> {
    let methods = contracts.iter().flat_map(|contract| contract.methods.iter());
    let names = methods.flat_map(|method| [&method.wire_name].into_iter().chain(method.aliases.iter()));
    let mut names = names.peekable();
    names.peek()?;
    Some(match most_similar(method, names.map(|name| &**name)) {
        Some(name) => format!("did you mean `{}`?", name.escape_debug()),
        None => format!("`rpcudp describe {peer}` prints its methods"),
    })
}

/// Returns the name that was probably meant by `method`.
fn most_similar<'a>(method: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = Words::of(method);
    let distances = names.map(|name| (typed.distance(&Words::of(name)), name));
    let (distance, name) = distances.min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may differ.
    (distance * 3 <= typed.without_namespace.chars().count().max(3)).then_some(name)
}

/// The letters of a name, in lower case: `say_hi` is like `SayHi`.
struct Words {
    all: String,
    without_namespace: String,
}

impl Words {
    fn of(name: &str) -> Self {
        let letters =
            |text: &str| text.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        // `rpc_` is Python's prefix of a method in its class.
        let name = name.strip_prefix("rpc_").unwrap_or(name);
        let method = name.rsplit_once('.').map_or(name, |(_, method)| method);
        Self { all: letters(name), without_namespace: letters(method) }
    }

    fn distance(&self, other: &Self) -> usize {
        let whole = osa_distance(&self.all, &other.all);
        whole.min(osa_distance(&self.without_namespace, &other.without_namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_name_is_found() {
        let names = ["sayhi", "kad.store", "kad.find_node", "kad.find_value", "a"];
        for (typed, meant) in [
            ("sayhy", Some("sayhi")),
            ("say_hi", Some("sayhi")),
            ("SayHi", Some("sayhi")),
            ("rpc_sayhi", Some("sayhi")),
            ("syahi", Some("sayhi")),
            ("store", Some("kad.store")),
            ("kda.store", Some("kad.store")),
            ("findNode", Some("kad.find_node")),
            ("find_valeu", Some("kad.find_value")),
            ("b", Some("a")),
            ("frobnicate", None),
        ] {
            assert_eq!(most_similar(typed, names.into_iter()), meant, "{typed}");
        }
        assert_eq!(most_similar("sayhi", [].into_iter()), None);
    }

    #[test]
    fn peer_without_methods_gives_no_advice() {
        let peer = PeerAddr { addr: ([127, 0, 0, 1], 1).into(), wire: crate::links::Wire::Plain };
        assert_eq!(advice(&[], peer, "m"), None);
    }
}
