//! Shapes after the manner of irpc: messages, borrowed and owned, and the delivery of each.

/// A struct for each request and response.
mod request_and_response_structs {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct GetRequest {
        key: String,
    }
    #[derive(Serialize, Deserialize)]
    pub struct GetResponse {
        value: Option<Vec<u8>>,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn get(&self, request: GetRequest) -> GetResponse;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn get(&self, request: GetRequest) -> GetResponse {
            GetResponse { value: Some(request.key.into_bytes()) }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.get(GetRequest { key: "a".into() }).await?.value.as_deref(), Some(&b"a"[..]));
        Ok(())
    }
}

/// An enum of requests and one of responses.
mod one_method_for_all_requests {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub enum Request {
        Set(String, String),
        Get(String),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub enum Response {
        Set(usize),
        Get(Option<String>),
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn call(&self, request: Request) -> Response;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn call(&self, request: Request) -> Response {
            match request {
                Request::Set(key, value) => Response::Set(key.len() + value.len()),
                Request::Get(key) => Response::Get(Some(key)),
            }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.call(Request::Set("a".into(), "b".into())).await?, Response::Set(2));
        assert_eq!(client.call(Request::Get("a".into())).await?, Response::Get(Some("a".into())));
        Ok(())
    }
}

/// Ids as newtypes.
mod newtype_ids {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct NodeId(u64);

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn parent(&self, id: NodeId) -> Option<NodeId>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn parent(&self, id: NodeId) -> Option<NodeId> {
            id.0.checked_sub(1).map(NodeId)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.parent(NodeId(1)).await?, client.parent(NodeId(0)).await?), (Some(NodeId(0)), None));
        Ok(())
    }
}

/// Bytes of a fixed length, as bytes.
mod hashes {
    use rpcudp::rpc_service;

    use serde_bytes::{ByteArray, Bytes};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn has(&self, hash: &ByteArray<32>) -> bool;
        async fn hash(&self, data: &Bytes) -> ByteArray<4>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn has(&self, hash: &ByteArray<32>) -> bool {
            hash[0] == 1
        }
        async fn hash(&self, data: &Bytes) -> ByteArray<4> {
            ByteArray::new([data[0]; 4])
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.has(&ByteArray::new([1; 32])).await?);
        assert_eq!(*client.hash(Bytes::new(b"ab")).await?, *b"aaaa");
        Ok(())
    }
}

/// Bytes that borrow from the datagram.
mod borrowed_bytes {
    use rpcudp::rpc_service;

    use serde_bytes::Bytes;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn len(&self, data: &[u8]) -> usize;
        fn bytes(&self, data: &Bytes) -> usize;
        fn optional(&self, data: Option<&Bytes>) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn len(&self, data: &[u8]) -> usize {
            data.len()
        }
        fn bytes(&self, data: &Bytes) -> usize {
            data.len()
        }
        fn optional(&self, data: Option<&Bytes>) -> usize {
            data.map_or(0, |data| data.len())
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (
                client.len(b"a").await?,
                client.bytes(Bytes::new(b"ab")).await?,
                client.optional(Some(Bytes::new(b"abc"))).await?
            ),
            (1, 2, 3)
        );
        Ok(())
    }
}

/// Bytes that the service keeps.
mod owned_bytes {
    use rpcudp::rpc_service;

    use serde_bytes::ByteBuf;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn keep(&self, data: ByteBuf) -> ByteBuf;
        async fn vector(&self, data: Vec<u8>) -> Vec<u8>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn keep(&self, data: ByteBuf) -> ByteBuf {
            data
        }
        async fn vector(&self, data: Vec<u8>) -> Vec<u8> {
            data
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.keep(ByteBuf::from(*b"ab")).await?, b"ab");
        assert_eq!(client.vector(vec![1, 2]).await?, [1, 2]);
        Ok(())
    }
}

/// Paths, borrowed and owned.
mod paths {
    use rpcudp::rpc_service;

    use std::path::{Path, PathBuf};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn exists(&self, path: &Path) -> bool;
        async fn parent(&self, path: &Path, up: u8) -> Option<PathBuf>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn exists(&self, path: &Path) -> bool {
            path == Path::new("a/b")
        }
        async fn parent(&self, path: &Path, up: u8) -> Option<PathBuf> {
            path.ancestors().nth(up.into()).map(Path::to_owned)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.exists(Path::new("a/b")).await?);
        assert_eq!(client.parent(Path::new("a/b"), 1).await?, Some(PathBuf::from("a")));
        Ok(())
    }
}

/// An alias of `str`, and one of a slice.
mod alias_of_an_unsized_type {
    use rpcudp::rpc_service;

    pub type Name = str;
    pub type Key = [u8];

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn len(&self, name: &Name, key: &Key) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn len(&self, name: &Name, key: &Key) -> usize {
            name.len() + key.len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.len("ab", b"c").await?, 3);
        Ok(())
    }
}

/// Text and bytes that may be owned, borrowed from the datagram.
mod cows {
    use rpcudp::rpc_service;

    use std::borrow::Cow;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn text(&self, text: Cow<'_, str>) -> bool;
        async fn bytes(&self, bytes: Cow<'_, [u8]>, text: std::borrow::Cow<'_, str>) -> bool;
        fn list(&self, items: Cow<'_, [u32]>) -> u32;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn text(&self, text: Cow<'_, str>) -> bool {
            matches!(text, Cow::Borrowed("ab"))
        }
        async fn bytes(&self, bytes: Cow<'_, [u8]>, text: Cow<'_, str>) -> bool {
            matches!((bytes, text), (Cow::Borrowed(b"a"), Cow::Borrowed("b")))
        }
        fn list(&self, items: Cow<'_, [u32]>) -> u32 {
            items.iter().sum()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.text("ab".into()).await?);
        assert!(client.bytes(b"a"[..].into(), "b".to_owned().into()).await?);
        assert_eq!(client.list(vec![1, 2].into()).await?, 3);
        Ok(())
    }
}

/// A struct that borrows from the datagram.
mod structs_that_borrow {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Line<'a> {
        level: u8,
        text: &'a str,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn log(&self, line: Line<'_>) -> usize;
        async fn log_later(&self, lines: Vec<Line<'_>>) -> usize;
        fn by_reference(&self, line: &Line<'_>) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn log(&self, line: Line<'_>) -> usize {
            line.text.len()
        }
        async fn log_later(&self, lines: Vec<Line<'_>>) -> usize {
            lines.len()
        }
        fn by_reference(&self, line: &Line<'_>) -> usize {
            line.level.into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let line = || Line { level: 4, text: "abc" };
        assert_eq!(
            (client.log(line()).await?, client.log_later(vec![line()]).await?, client.by_reference(&line()).await?),
            (3, 1, 4)
        );
        Ok(())
    }
}

/// References to types that are decoded and lent.
mod references_of_owned_types {
    #![allow(clippy::ptr_arg, clippy::trivially_copy_pass_by_ref, reason = "the types are the shape")]
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Point(u8);

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn a(&self, number: &u64, text: &String, list: &Vec<u8>) -> usize;
        async fn b(&self, point: &Point, points: &[Point]) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn a(&self, number: &u64, text: &String, list: &Vec<u8>) -> usize {
            text.len() + list.len() + usize::from(*number == 1)
        }
        async fn b(&self, point: &Point, points: &[Point]) -> u8 {
            points.iter().map(|other| other.0).sum::<u8>() + point.0
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.a(&1, &"a".into(), &vec![1]).await?, 3);
        assert_eq!(client.b(&Point(1), &[Point(2), Point(3)]).await?, 6);
        Ok(())
    }
}

/// References inside of other types.
mod nested_borrows {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn names(&self, names: Vec<&str>) -> usize;
        fn pairs(&self, pairs: [(&str, &[u8]); 2]) -> usize;
        fn maybe(&self, name: Option<&str>) -> bool;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn names(&self, names: Vec<&str>) -> usize {
            names.concat().len()
        }
        fn pairs(&self, pairs: [(&str, &[u8]); 2]) -> usize {
            pairs.iter().map(|(name, bytes)| name.len() + bytes.len()).sum()
        }
        fn maybe(&self, name: Option<&str>) -> bool {
            name.is_some()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.names(vec!["a", "bc"]).await?, 3);
        assert_eq!(client.pairs([("a", b"b"), ("", b"cd")]).await?, 4);
        assert!(!client.maybe(None).await?);
        Ok(())
    }
}

/// A response of many packets' size.
mod large_response {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn read(&self, len: usize) -> Vec<u8>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn read(&self, len: usize) -> Vec<u8> {
            vec![7; len]
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.read(8_000).await?.len(), 8_000);
        Ok(())
    }
}

/// An idempotent method.
mod at_least_once {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(at_least_once)]
        async fn put(&self, key: &str, value: &[u8]) -> bool;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn put(&self, key: &str, value: &[u8]) -> bool {
            key.as_bytes() == value
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.put("a", b"a").await?);
        Ok(())
    }
}

/// A method that must not run twice.
mod at_most_once {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    pub struct Taken {
        by: String,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(at_most_once, timeout = "10s")]
        fn book(&self, seat: u16) -> Result<u32, Taken>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn book(&self, seat: u16) -> Result<u32, Taken> {
            if seat == 1 { Err(Taken { by: "Ada".into() }) } else { Ok(seat.into()) }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.book(2).await.ok(), Some(2));
        assert_eq!(
            client.book(1).await.unwrap_err().into_application().ok().map(|taken| taken.by).as_deref(),
            Some("Ada")
        );
        Ok(())
    }
}

/// A oneway method that knows its sender.
mod oneway_with_context {
    use rpcudp::{Context, rpc_service};

    use std::sync::atomic::{AtomicUsize, Ordering};
    #[derive(Default)]
    struct Seen(AtomicUsize);

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(oneway)]
        async fn announce(&self, cx: Context, port: u16);
        fn known(&self) -> usize;
    }

    impl Contract for Seen {
        async fn announce(&self, cx: Context, port: u16) {
            assert_eq!(cx.sender().port(), port);
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        fn known(&self) -> usize {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Seen::default())).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        client.announce(client.endpoint().local_addr().port()).await?;
        while client.known().await? == 0 {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// A handler that calls its caller.
mod call_back {
    use rpcudp::{Context, rpc_service};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn greet(&self, cx: &Context) -> String;
        fn name(&self) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn greet(&self, cx: &Context) -> String {
            let caller = ShapeClient::new(cx, cx.sender());
            caller.name().await.map_or_else(|_| "nobody".into(), |name| name)
        }
        fn name(&self) -> String {
            "a".into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.greet().await?, "nobody");
        Ok(())
    }
}

/// The context under another name.
mod context_by_another_name {
    use rpcudp::rpc_service;

    use rpcudp::Context as Cx;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn a(&self, #[rpc(context)] cx: &Cx) -> bool;
        async fn b(&self, #[rpc(context)] request: Cx, number: u8) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn a(&self, cx: &Cx) -> bool {
            cx.sender().is_ipv4()
        }
        async fn b(&self, _: Cx, number: u8) -> u8 {
            number
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.a().await?);
        assert_eq!(client.b(1).await?, 1);
        Ok(())
    }
}

/// An argument whose type is named `Context`.
mod argument_named_context {
    use rpcudp::rpc_service;

    pub mod logging {
        #[derive(serde::Serialize, serde::Deserialize)]
        pub struct Context {
            pub level: u8,
        }
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn level(&self, #[rpc(argument)] context: logging::Context) -> u8;
        fn by_reference(&self, #[rpc(argument)] context: &logging::Context) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn level(&self, context: logging::Context) -> u8 {
            context.level
        }
        fn by_reference(&self, context: &logging::Context) -> u8 {
            context.level
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (
                client.level(logging::Context { level: 1 }).await?,
                client.by_reference(&logging::Context { level: 2 }).await?
            ),
            (1, 2)
        );
        Ok(())
    }
}

/// A trait named `Context` in scope, under no name.
mod context_of_another_crate {
    use rpcudp::rpc_service;

    mod anyhow {
        pub(super) trait Context {
            fn context(self) -> Self
            where
                Self: Sized,
            {
                self
            }
        }
        impl Context for u8 {}
    }
    use self::anyhow::Context as _;
    const _: fn(u8) -> u8 = |number| number.context();

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self, cx: &rpcudp::Context) -> bool;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self, cx: &rpcudp::Context) -> bool {
            cx.sender().is_ipv4()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.id().await?);
        Ok(())
    }
}
