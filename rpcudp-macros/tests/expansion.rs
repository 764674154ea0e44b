//! The expansions in `tests/expansion` are programs: each compiles without a warning, and its
//! client and server work.

#![deny(warnings)]
#![allow(missing_docs, unreachable_pub, reason = "contracts of a test")]

use rpcudp::{Context, Endpoint};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Returns an endpoint that serves, and one that calls.
async fn pair(service: impl rpcudp::Service) -> (Endpoint, Endpoint) {
    let server = Endpoint::builder().serve(service).bind("127.0.0.1:0").await.expect("the port is free");
    (server, Endpoint::bind("127.0.0.1:0").await.expect("the port is free"))
}

mod greeter {
    use rpcudp::Context;
    use serde::{Deserialize, Serialize};

    include!("expansion/greeter.expanded.rs");

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Overdrawn(pub u64);

    #[derive(Serialize, Deserialize)]
    pub struct Rumour<'a>(pub &'a str);
}

struct Hello;

impl greeter::Greeter for Hello {
    fn sayhi(&self, cx: &Context, name: &str) -> String {
        format!("Hello {name} at {}", cx.sender())
    }
    async fn lookup(&self, key: &[u8]) -> Option<Vec<u8>> {
        Some(key.into())
    }
    async fn withdraw(&self, cents: u64) -> Result<u64, greeter::Overdrawn> {
        100_u64.checked_sub(cents).ok_or(greeter::Overdrawn(cents))
    }
    fn gossip(&self, _: greeter::Rumour<'_>) {}
}

#[tokio::test]
async fn greeter_expansion_works() -> Outcome {
    let (server, caller) = pair(greeter::GreeterServer::new(Hello)).await;
    let client = greeter::GreeterClient::new(&caller, server.local_addr());
    assert_eq!(client.sayhi("Snake").await?, format!("Hello Snake at {}", caller.local_addr()));
    assert_eq!(client.lookup(b"key").await?.as_deref(), Some(&b"key"[..]));
    assert_eq!(client.withdraw(30).await.unwrap(), 70);
    assert_eq!(client.withdraw(130).await.unwrap_err().into_application().unwrap(), greeter::Overdrawn(130));
    client.gossip(greeter::Rumour("the president")).await?;
    Ok(())
}

mod store {
    use rpcudp::Context;
    use serde::{Serialize, de::DeserializeOwned};

    pub(super) type Result<T> = core::result::Result<T, String>;

    include!("expansion/store.expanded.rs");

    struct Versions;

    impl Store<u64> for Versions {
        type Value = Vec<u16>;

        fn clear(&self) {}
        fn put(&self, key: u64, value: Vec<u16>) -> Option<Vec<u16>> {
            (key == 1).then_some(value)
        }
        async fn fetch(&self, cx: Context, key: &u64, versions: &[u16]) -> Result<Vec<u16>> {
            if *key == 1 { Ok(versions.into()) } else { Err(cx.sender().to_string()) }
        }
    }

    pub(super) fn server() -> impl rpcudp::Service {
        StoreServer::<_, u64>::new(Versions)
    }

    pub(super) async fn call(caller: &rpcudp::Endpoint, peer: std::net::SocketAddr) -> super::Outcome {
        let client = StoreClient::<Vec<u16>, u64>::new(caller, peer);
        client.clear().await?;
        assert_eq!(client.put(1, vec![2]).await?, Some(vec![2]));
        assert_eq!(client.fetch(&1, &[2, 3]).await.unwrap(), [2, 3]);
        let error = client.fetch(&2, &[]).await.unwrap_err();
        assert_eq!(error.into_application().unwrap(), caller.local_addr().to_string());
        Ok(())
    }
}

#[tokio::test]
async fn store_expansion_works() -> Outcome {
    let (server, caller) = pair(store::server()).await;
    store::call(&caller, server.local_addr()).await
}
