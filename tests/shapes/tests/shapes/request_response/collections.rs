//! Collections of the standard library.

use rpcudp::rpc_service;

use std::collections::{BTreeMap, BTreeSet, HashMap};

#[rpc_service(client = "ShapeClient", server = "ShapeServer")]
pub trait Contract {
    async fn count(&self, words: Vec<String>) -> BTreeMap<String, usize>;
    fn distinct(&self, numbers: BTreeSet<u8>) -> HashMap<u8, bool>;
}

#[derive(Debug)]
struct Shape;

impl Contract for Shape {
    async fn count(&self, words: Vec<String>) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
        counts
    }
    fn distinct(&self, numbers: BTreeSet<u8>) -> HashMap<u8, bool> {
        numbers.into_iter().map(|number| (number, number % 2 == 0)).collect()
    }
}

#[tokio::test]
async fn answers() -> crate::Done {
    let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
    let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
    let counts = client.count(["a", "b", "a"].map(String::from).into()).await?;
    assert_eq!(counts, BTreeMap::from([("a".into(), 2), ("b".into(), 1)]));
    assert_eq!(client.distinct(BTreeSet::from([1, 2])).await?, HashMap::from([(1, false), (2, true)]));
    Ok(())
}
