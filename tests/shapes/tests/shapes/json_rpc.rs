//! Shapes after the manner of jsonrpsee: names, namespaces, notifications and generics.

/// A namespace, as of a blockchain's node.
mod namespaced {
    use rpcudp::rpc_service;

    #[rpc_service(namespace = "eth_", client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn block_number(&self) -> u64;
        async fn balance(&self, account: [u8; 20], block: Option<u64>) -> Result<u128, String>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn block_number(&self) -> u64 {
            17
        }
        async fn balance(&self, account: [u8; 20], block: Option<u64>) -> Result<u128, String> {
            if block == Some(0) { Err("pruned".into()) } else { Ok(account.len() as u128) }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.block_number().await?, 17);
        assert_eq!(client.balance([0; 20], None).await.ok(), Some(20));
        assert_eq!(
            client.balance([0; 20], Some(0)).await.unwrap_err().into_application().ok().as_deref(),
            Some("pruned")
        );
        Ok(())
    }
}

/// Wire names of another style than Rust's.
mod renamed_methods {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(name = "getBlock")]
        fn get_block(&self, number: u64) -> String;
        #[rpc(name = "net/peers")]
        fn peers(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn get_block(&self, number: u64) -> String {
            format!("#{number}")
        }
        fn peers(&self) -> u8 {
            3
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.get_block(1).await?, client.peers().await?), ("#1".into(), 3));
        Ok(())
    }
}

/// A method that had another name.
mod alias {
    use rpcudp::rpc_service;

    #[rpc_service]
    trait Earlier {
        fn say_hello(&self, name: &str) -> String;
        #[rpc(name = "sayHello")]
        fn called_otherwise(&self, name: &str) -> String;
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(alias = "say_hello", alias = "sayHello")]
        fn greet(&self, name: &str) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn greet(&self, name: &str) -> String {
            format!("Hello {name}")
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.greet("Ada").await?, "Hello Ada");
        let earlier = EarlierClient::new(client.endpoint(), client.peer());
        assert_eq!(
            (earlier.say_hello("Bob").await?, earlier.called_otherwise("Eve").await?),
            ("Hello Bob".into(), "Hello Eve".into())
        );
        Ok(())
    }
}

/// An alias follows the namespace.
mod alias_in_a_namespace {
    use rpcudp::rpc_service;

    #[rpc_service(namespace = "kv.")]
    trait Earlier {
        #[rpc(at_least_once)]
        fn get(&self, key: u8) -> u8;
    }

    #[rpc_service(namespace = "kv.", client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(at_least_once, alias = "get")]
        async fn fetch(&self, key: u8) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn fetch(&self, key: u8) -> u8 {
            key
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.fetch(1).await?, 1);
        assert_eq!(ShapeClient::CONTRACT.methods[0].aliases[0], "kv.get");
        let earlier = EarlierClient::new(client.endpoint(), client.peer());
        assert_eq!(earlier.get(2).await?, 2);
        Ok(())
    }
}

/// `Result` under another name.
mod alias_of_a_result {
    use rpcudp::rpc_service;

    pub type RpcResult<T> = Result<T, String>;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(fallible)]
        fn read(&self, key: &str) -> RpcResult<u8>;
        #[rpc(fallible)]
        async fn read_later(&self, key: &str) -> RpcResult<u8>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn read(&self, key: &str) -> RpcResult<u8> {
            key.parse().map_err(|_| "no number".to_owned())
        }
        async fn read_later(&self, key: &str) -> RpcResult<u8> {
            self.read(key)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.read("1").await.ok(), Some(1));
        assert_eq!(client.read_later("a").await.unwrap_err().into_application().ok().as_deref(), Some("no number"));
        Ok(())
    }
}

/// A `Result` that travels as a value.
mod result_as_a_value {
    use rpcudp::rpc_service;

    pub type Outcome = Result<String, u8>;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(value)]
        fn last(&self) -> Outcome;
        #[rpc(value)]
        async fn first(&self) -> Result<u8, String>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn last(&self) -> Outcome {
            Err(1)
        }
        async fn first(&self) -> Result<u8, String> {
            Ok(2)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.last().await?, client.first().await?), (Err(1), Ok(2)));
        Ok(())
    }
}

/// An alias with the name `Result`.
mod alias_named_result {
    use rpcudp::rpc_service;

    pub mod io {
        pub type Result<T> = std::result::Result<T, u16>;
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn parse(&self, text: &str) -> io::Result<u8>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn parse(&self, text: &str) -> io::Result<u8> {
            text.parse().map_err(|_| 7)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.parse("1").await.ok(), Some(1));
        assert_eq!(client.parse("").await.unwrap_err().into_application().ok(), Some(7));
        Ok(())
    }
}

/// Names that Python cannot call, in a network without Python.
mod private_names {
    use rpcudp::rpc_service;

    #[rpc_service(python = false, client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn _internal(&self) -> u8;
        fn rpc_modules(&self) -> u8;
        fn transport(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn _internal(&self) -> u8 {
            1
        }
        fn rpc_modules(&self) -> u8 {
            2
        }
        fn transport(&self) -> u8 {
            3
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client._internal().await?, client.rpc_modules().await?, client.transport().await?), (1, 2, 3));
        assert!(ShapeClient::CONTRACT.to_string().starts_with("#[rpc_service(python = false)]"));
        Ok(())
    }
}

/// Names that are keywords.
mod keywords {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn r#type(&self, r#match: u8) -> u8;
        fn r#move(&self, r#fn: &str, r#async: u8) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn r#type(&self, r#match: u8) -> u8 {
            r#match
        }
        fn r#move(&self, r#fn: &str, r#async: u8) -> String {
            format!("{}{}", r#fn, r#async)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.r#type(1).await?, client.r#move("a", 2).await?), (1, "a2".into()));
        Ok(())
    }
}

/// Methods with the names of the client's own items.
mod names_of_the_client {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn new(&self, peer: u8) -> u8;
        fn peer(&self) -> u8;
        fn with_timeout(&self, timeout: u8) -> u8;
        fn endpoint(&self) -> u8;
        fn clone(&self) -> u8;
        fn fmt(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn new(&self, peer: u8) -> u8 {
            peer
        }
        fn peer(&self) -> u8 {
            2
        }
        fn with_timeout(&self, timeout: u8) -> u8 {
            timeout
        }
        fn endpoint(&self) -> u8 {
            4
        }
        fn clone(&self) -> u8 {
            5
        }
        fn fmt(&self) -> u8 {
            6
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (
                client.new(1).await?,
                client.peer().await?,
                client.with_timeout(3).await?,
                client.endpoint().await?,
                client.clone().await?,
                client.fmt().await?
            ),
            (1, 2, 3, 4, 5, 6)
        );
        Ok(())
    }
}

/// A type parameter with bounds.
mod generic_contract {
    use rpcudp::rpc_service;
    use serde::Serialize;

    use serde::de::DeserializeOwned;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract<T: Serialize + DeserializeOwned + Clone> {
        fn same(&self, value: T) -> T;
        fn all(&self, values: &[T]) -> Vec<T>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract<u8> for Shape {
        fn same(&self, value: u8) -> u8 {
            value
        }
        fn all(&self, values: &[u8]) -> Vec<u8> {
            values.to_vec()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::<_, u8>::new(Shape)).await?;
        let client: ShapeClient<u8> = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.same(1).await?, 1);
        assert_eq!(client.all(&[1, 2]).await?, [1, 2]);
        Ok(())
    }
}

/// Two type parameters, with a where-clause.
mod generic_with_where {
    use rpcudp::rpc_service;
    use serde::Serialize;

    use serde::de::DeserializeOwned;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract<Hash, Tx>
    where
        Hash: Serialize + DeserializeOwned + Send,
        Tx: Serialize + DeserializeOwned + Send + Sync,
    {
        fn submit(&self, transaction: &Tx) -> Hash;
        async fn get(&self, hash: Hash) -> Option<Tx>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract<u64, String> for Shape {
        fn submit(&self, transaction: &String) -> u64 {
            transaction.len() as u64
        }
        async fn get(&self, hash: u64) -> Option<String> {
            Some("a".repeat(usize::try_from(hash).ok()?))
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::<_, u64, String>::new(Shape)).await?;
        let client: ShapeClient<u64, String> = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.submit(&"abc".into()).await?, 3);
        assert_eq!(client.get(2).await?.as_deref(), Some("aa"));
        Ok(())
    }
}

/// A parameter with a default.
mod generic_with_default {
    use rpcudp::rpc_service;
    use serde::Serialize;

    use serde::de::DeserializeOwned;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract<K: Serialize + DeserializeOwned = String> {
        fn key(&self) -> K;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn key(&self) -> String {
            "k".into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::<_, String>::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.key().await?, "k");
        Ok(())
    }
}

/// Named parameters as a map.
mod map_argument {
    use rpcudp::rpc_service;

    use std::collections::HashMap;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn configure(&self, options: HashMap<String, String>) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn configure(&self, options: HashMap<String, String>) -> usize {
            options.len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.configure(HashMap::from([("a".into(), "b".into())])).await?, 1);
        Ok(())
    }
}

/// A notification, which has no response.
mod notifications {
    use rpcudp::rpc_service;

    use std::sync::atomic::{AtomicUsize, Ordering};
    #[derive(Default)]
    struct Seen(AtomicUsize);

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(oneway)]
        fn notify(&self, text: &str);
        fn seen(&self) -> usize;
    }

    impl Contract for Seen {
        fn notify(&self, text: &str) {
            self.0.fetch_add(text.len(), Ordering::SeqCst);
        }
        fn seen(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Seen::default())).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        client.notify("abc").await?;
        while client.seen().await? == 0 {}
        assert_eq!(client.seen().await?, 3);
        Ok(())
    }
}

/// A timeout for each unit.
mod timeouts {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(timeout = "900000us")]
        fn a(&self);
        #[rpc(timeout = "900ms")]
        fn b(&self);
        #[rpc(timeout = "5s")]
        fn c(&self);
        #[rpc(timeout = "1m")]
        fn d(&self);
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn a(&self) {}
        fn b(&self) {}
        fn c(&self) {}
        fn d(&self) {}
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        client.a().await?;
        client.b().await?;
        client.c().await?;
        client.d().await?;
        Ok(())
    }
}

/// Options in one attribute or in several.
mod options_in_several_attributes {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(at_most_once)]
        #[rpc(timeout = "2s", name = "pay")]
        async fn withdraw(&self, cents: u64) -> u64;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn withdraw(&self, cents: u64) -> u64 {
            cents
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.withdraw(1).await?, 1);
        Ok(())
    }
}

/// A call that waits until its peer is ready.
mod waiting_for_the_peer {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(at_least_once, wait_for_ready, timeout = "5s")]
        fn status(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn status(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.status().await?, 1);
        assert!(ShapeClient::CONTRACT.methods[0].wait_for_ready);
        Ok(())
    }
}

/// Methods that a `cfg` removes or keeps.
mod conditional_methods {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[cfg(any())]
        fn gone(&self, value: Missing);
        #[cfg_attr(all(), cfg(any()))]
        fn gone_as_well(&self, value: Missing);
        #[cfg_attr(any(), cfg(any()))]
        fn here(&self) -> u8;
        #[cfg_attr(all(), cfg(all()), doc = "Kept.")]
        fn here_as_well(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn here(&self) -> u8 {
            1
        }
        fn here_as_well(&self) -> u8 {
            2
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.here().await?, client.here_as_well().await?), (1, 2));
        Ok(())
    }
}

/// A deprecated method is served, and its callers are warned.
mod deprecated_method {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[deprecated = "call `fresh`"]
        fn old(&self) -> u8;
        fn fresh(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn old(&self) -> u8 {
            1
        }
        fn fresh(&self) -> u8 {
            2
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        #[expect(deprecated)]
        let old = client.old().await?;
        assert_eq!((old, client.fresh().await?), (1, 2));
        Ok(())
    }
}

/// Paths in place of imported names.
mod same_types_in_other_words {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn path(
            &self,
            text: ::std::string::String,
            bytes: std::vec::Vec<core::primitive::u8>,
        ) -> core::option::Option<std::string::String>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn path(&self, text: String, bytes: Vec<u8>) -> Option<String> {
            bytes.is_empty().then_some(text)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.path("a".into(), vec![]).await?.as_deref(), Some("a"));
        Ok(())
    }
}
