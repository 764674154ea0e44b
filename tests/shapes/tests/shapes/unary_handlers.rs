//! Shapes after the manner of tonic's handlers: messages with a status, and types of every kind.

/// A handler of a message, with a status as its error.
mod request_response {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct HelloRequest {
        name: String,
    }
    #[derive(Debug, Serialize, Deserialize)]
    pub struct HelloReply {
        message: String,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub enum Code {
        InvalidArgument,
        NotFound,
    }
    #[derive(Debug, Serialize, Deserialize)]
    pub struct Status {
        code: Code,
        message: String,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn say_hello(&self, request: HelloRequest) -> Result<HelloReply, Status>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn say_hello(&self, request: HelloRequest) -> Result<HelloReply, Status> {
            if request.name.is_empty() {
                return Err(Status { code: Code::InvalidArgument, message: "no name".into() });
            }
            Ok(HelloReply { message: format!("Hello {}!", request.name) })
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let reply = client.say_hello(HelloRequest { name: "Ada".into() }).await;
        assert_eq!(reply.ok().map(|reply| reply.message).as_deref(), Some("Hello Ada!"));
        let status = client.say_hello(HelloRequest { name: String::new() }).await.unwrap_err().into_application();
        assert_eq!(status.ok().map(|status| status.code), Some(Code::InvalidArgument));
        Ok(())
    }
}

/// A generic wrapper around each message.
mod request_wrapper {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    use std::collections::BTreeMap;
    #[derive(Serialize, Deserialize)]
    pub struct Request<T> {
        metadata: BTreeMap<String, String>,
        message: T,
    }
    #[derive(Debug, Serialize, Deserialize)]
    pub struct Response<T> {
        message: T,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn echo(&self, request: Request<String>) -> Result<Response<String>, u32>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn echo(&self, request: Request<String>) -> Result<Response<String>, u32> {
            request.metadata.get("key").map(|_| Response { message: request.message }).ok_or(16)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let request = |metadata| Request { metadata, message: "a".to_owned() };
        assert_eq!(
            client
                .echo(request(BTreeMap::from([("key".into(), "1".into())])))
                .await
                .ok()
                .map(|response| response.message)
                .as_deref(),
            Some("a")
        );
        assert_eq!(client.echo(request(BTreeMap::new())).await.unwrap_err().into_application().ok(), Some(16));
        Ok(())
    }
}

/// A health check with an enum of states.
mod health {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub enum ServingStatus {
        Unknown,
        Serving,
    }

    #[rpc_service(namespace = "grpc.health.v1.", client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn check(&self, service: Option<String>) -> ServingStatus;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn check(&self, service: Option<String>) -> ServingStatus {
            match service.as_deref() {
                None => ServingStatus::Serving,
                Some(_) => ServingStatus::Unknown,
            }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (client.check(None).await?, client.check(Some("a".into())).await?),
            (ServingStatus::Serving, ServingStatus::Unknown)
        );
        Ok(())
    }
}

/// Wire names as paths.
mod wire_names_of_paths {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(name = "/helloworld.Greeter/SayHello")]
        async fn say_hello(&self, name: &str) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn say_hello(&self, name: &str) -> String {
            name.into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.say_hello("a").await?, "a");
        Ok(())
    }
}

/// A message with one of several fields.
mod oneof {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type")]
    pub enum Message {
        Text { body: String },
        Ping,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn route(&self, message: Message) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn route(&self, message: Message) -> String {
            match message {
                Message::Text { body } => body,
                Message::Ping => "pong".into(),
            }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (client.route(Message::Text { body: "a".into() }).await?, client.route(Message::Ping).await?),
            ("a".into(), "pong".into())
        );
        Ok(())
    }
}

/// An untagged enum.
mod untagged {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    pub enum Id {
        Number(u64),
        Text(String),
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self, id: Id) -> Id;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self, id: Id) -> Id {
            id
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (client.id(Id::Number(1)).await?, client.id(Id::Text("a".into())).await?),
            (Id::Number(1), Id::Text("a".into()))
        );
        Ok(())
    }
}

/// A struct with a flattened part.
mod flattened {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Query {
        text: String,
        #[serde(flatten)]
        page: Page,
    }
    #[derive(Serialize, Deserialize)]
    pub struct Page {
        offset: u32,
        limit: u32,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn get(&self, query: Query) -> u32;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn get(&self, query: Query) -> u32 {
            query.page.limit + query.page.offset
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.get(Query { text: "a".into(), page: Page { offset: 1, limit: 2 } }).await?, 3);
        Ok(())
    }
}

/// Fields with defaults, for contracts that change.
mod defaulted_fields {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Default, Serialize, Deserialize)]
    #[serde(default)]
    pub struct Options {
        limit: u8,
        cursor: Option<String>,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn list(&self, options: Options) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn list(&self, options: Options) -> u8 {
            options.limit
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.list(Options::default()).await?, 0);
        Ok(())
    }
}

/// A type that contains itself.
mod recursive_type {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Tree {
        children: Vec<Tree>,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn depth(&self, tree: Tree) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn depth(&self, tree: Tree) -> usize {
            1 + tree.children.into_iter().map(|child| self.depth(child)).max().unwrap_or(0)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let leaf = || Tree { children: vec![] };
        assert_eq!(client.depth(Tree { children: vec![leaf(), Tree { children: vec![leaf()] }] }).await?, 3);
        Ok(())
    }
}

/// Boxed and counted values.
mod boxed_values {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn boxed(&self, text: Box<str>, list: Box<[u8]>) -> Box<u64>;
        fn slice(&self) -> Box<[u32]>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn boxed(&self, text: Box<str>, list: Box<[u8]>) -> Box<u64> {
            Box::new((text.len() + list.len()) as u64)
        }
        fn slice(&self) -> Box<[u32]> {
            Box::new([1, 2])
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(*client.boxed("a".into(), vec![1].into()).await?, 2);
        assert_eq!(*client.slice().await?, [1, 2]);
        Ok(())
    }
}

/// A result with a type that the program owns.
mod static_results {
    use rpcudp::rpc_service;

    use std::borrow::Cow;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn name(&self) -> Cow<'static, str>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn name(&self) -> Cow<'static, str> {
            Cow::Borrowed("a")
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.name().await?, "a");
        Ok(())
    }
}

/// A field with functions for serde.
mod custom_serde {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    mod millis {
        use serde::{Deserialize, Deserializer, Serializer};
        use std::time::Duration;
        pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
        }
        pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
            u64::deserialize(from).map(Duration::from_millis)
        }
    }
    #[derive(Serialize, Deserialize)]
    pub struct Pause {
        #[serde(with = "millis")]
        time: std::time::Duration,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn wait(&self, pause: Pause) -> u64;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn wait(&self, pause: Pause) -> u64 {
            u64::try_from(pause.time.as_millis()).unwrap_or(0)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.wait(Pause { time: std::time::Duration::from_millis(5) }).await?, 5);
        Ok(())
    }
}

/// A generic wrapper with a marker.
mod phantom {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    pub enum User {}
    #[derive(Serialize, Deserialize)]
    #[serde(bound = "")]
    pub struct Id<T>(u64, std::marker::PhantomData<T>);

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self, id: Id<User>) -> Id<User>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self, id: Id<User>) -> Id<User> {
            id
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id(Id(3, std::marker::PhantomData)).await?.0, 3);
        Ok(())
    }
}

/// Types of the user's with the names of futures.
mod future_named_types {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct BoxFuture {
        crates: u8,
    }
    #[derive(Serialize, Deserialize)]
    pub struct Future {
        day: u8,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(value)]
        fn boxed(&self) -> BoxFuture;
        #[rpc(value)]
        async fn market(&self, day: u8) -> Box<Future>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn boxed(&self) -> BoxFuture {
            BoxFuture { crates: 2 }
        }
        async fn market(&self, day: u8) -> Box<Future> {
            Box::new(Future { day })
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.boxed().await?.crates, client.market(3).await?.day), (2, 3));
        Ok(())
    }
}

/// A type named `Result` that is none.
mod type_named_result {
    use rpcudp::rpc_service;

    pub mod game {
        #[derive(serde::Serialize, serde::Deserialize)]
        pub struct Result {
            pub points: u8,
        }
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(value)]
        fn score(&self) -> game::Result;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn score(&self) -> game::Result {
            game::Result { points: 3 }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.score().await?.points, 3);
        Ok(())
    }
}

/// A token that each method takes.
mod interceptor_argument {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Token<'a>(&'a str);
    #[derive(Debug, Serialize, Deserialize)]
    pub struct Denied;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn secret(&self, token: Token<'_>, key: u8) -> Result<u8, Denied>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn secret(&self, token: Token<'_>, key: u8) -> Result<u8, Denied> {
            if token.0 == "open" { Ok(key) } else { Err(Denied) }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.secret(Token("open"), 1).await.ok(), Some(1));
        assert!(matches!(client.secret(Token(""), 1).await, Err(rpcudp::CallError::Application(Denied))));
        Ok(())
    }
}

/// `?` across calls with and without an error.
mod question_mark {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    use rpcudp::CallError;
    #[derive(Debug, Serialize, Deserialize)]
    pub struct Overdrawn;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn balance(&self) -> u64;
        fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
        fn unlock(&self, pin: u16) -> Result<(), u8>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn balance(&self) -> u64 {
            5
        }
        fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
            5_u64.checked_sub(cents).ok_or(Overdrawn)
        }
        fn unlock(&self, pin: u16) -> Result<(), u8> {
            if pin == 1 { Ok(()) } else { Err(2) }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        async fn all(client: &ShapeClient, pin: u16) -> Result<u64, CallError<Overdrawn>> {
            client.unlock(pin).await.map_err(|error| error.map_application(|_| Overdrawn))?;
            let cents = client.balance().await?;
            client.withdraw(cents).await
        }
        assert_eq!(all(&client, 1).await.ok(), Some(0));
        assert!(matches!(all(&client, 2).await, Err(CallError::Application(Overdrawn))));
        Ok(())
    }
}

/// A contract that a macro writes.
mod made_by_a_macro {
    use rpcudp::rpc_service;

    macro_rules! contract {
        ($name:ident, $key:ty) => {
            #[allow(dead_code, reason = "only its data is used")]
            #[rpc_service]
            pub trait $name {
                fn get(&self, key: $key) -> $crate::Wrapped;
            }
        };
    }
    contract!(Made, u8);

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 1);
        let printed = MadeClient::CONTRACT.to_string();
        assert!(printed.contains("fn get(&self, key: u8) -> crate::Wrapped;"), "{printed}");
        Ok(())
    }
}

/// Options that a macro fills in.
mod options_by_a_macro {
    use rpcudp::rpc_service;

    macro_rules! contract {
        ($namespace:literal, $name:literal) => {
            #[allow(dead_code, reason = "only its data is used")]
            #[rpc_service(namespace = $namespace)]
            pub trait Made {
                #[rpc(name = $name)]
                fn get(&self);
            }
        };
    }
    contract!("a.", "b");

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 1);
        assert_eq!(MadeClient::CONTRACT.methods[0].wire_name, "a.b");
        Ok(())
    }
}

/// The crate under another path.
mod crate_under_another_name {
    use rpcudp::rpc_service;

    use rpcudp as ours;

    #[rpc_service(crate = ours, client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 1);
        Ok(())
    }
}

/// The path of the crate as text.
mod crate_as_text {
    use rpcudp::rpc_service;

    #[rpc_service(crate = "::rpcudp", client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 1);
        Ok(())
    }
}

/// A module that shadows names of the prelude.
mod no_prelude_names {
    use rpcudp::rpc_service;

    #[expect(dead_code)]
    pub struct Option;
    #[expect(dead_code)]
    pub struct Box;
    #[expect(dead_code)]
    pub struct Vec;
    #[expect(dead_code)]
    pub struct Send;
    #[expect(dead_code)]
    pub struct Sized;
    #[expect(dead_code)]
    pub struct Clone;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self, value: std::option::Option<u8>) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self, value: std::option::Option<u8>) -> u8 {
            value.unwrap_or(1)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id(std::option::Option::None).await?, 1);
        Ok(())
    }
}

/// A call that is waited for outside of async code.
mod waiting_outside_async {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let call = client.id();
        let id = tokio::task::spawn_blocking(move || call.wait()).await??;
        assert_eq!(id, 1);
        Ok(())
    }
}

/// Calls that run at the same time.
mod concurrent_calls {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn later(&self, number: u8) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn later(&self, number: u8) -> u8 {
            tokio::task::yield_now().await;
            number
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let (one, two) = tokio::join!(client.later(1), client.later(2));
        assert_eq!((one?, two?), (1, 2));
        Ok(())
    }
}

/// A call as a value with a type.
mod stored_calls {
    use rpcudp::rpc_service;

    use rpcudp::{Call, CallOf};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn a(&self) -> u8;
        fn b(&self) -> Result<u8, String>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn a(&self) -> u8 {
            1
        }
        fn b(&self) -> Result<u8, String> {
            Ok(2)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let calls: (Call<u8>, Call<u8, String>, CallOf<Result<u8, String>>) = (client.a(), client.b(), client.b());
        assert_eq!((calls.0.await?, calls.1.await.ok(), calls.2.await.ok()), (1, Some(2), Some(2)));
        Ok(())
    }
}

/// Code that is generic over clients.
mod generic_caller {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        fn of<C: rpcudp::Client>(client: &C) -> (u64, std::net::SocketAddr) {
            (C::CONTRACT.fingerprint(), client.peer())
        }
        assert_eq!(of(&client), (ShapeClient::CONTRACT.fingerprint(), client.peer()));
        Ok(())
    }
}

/// A handler that lends its arguments to another.
mod borrowing_service {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn outer(&self, text: &str) -> usize;
        async fn inner(&self, text: &str) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn outer(&self, text: &str) -> usize {
            self.inner(&text[1..]).await
        }
        async fn inner(&self, text: &str) -> usize {
            text.len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.outer("abc").await?, 2);
        Ok(())
    }
}

/// An implementation that returns a future by hand.
mod handlers_as_futures {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn id(&self, text: &str) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self, text: &str) -> impl Future<Output = usize> + Send {
            std::future::ready(text.len())
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id("ab").await?, 2);
        Ok(())
    }
}

/// Default bodies with closures, loops and macros.
mod closures_in_bodies {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn all(&self, words: &[String]) -> String {
            let mut all = vec![];
            for word in words {
                all.push(word.chars().rev().collect::<String>());
            }
            all.join("-")
        }
        async fn some(&self) -> Vec<u8> {
            let numbers = async { vec![1, 2, 3] };
            numbers.await.into_iter().filter(|number| number % 2 == 1).collect()
        }
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {}

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.all(&["ab".into(), "c".into()]).await?, "ba-c");
        assert_eq!(client.some().await?, [1, 3]);
        Ok(())
    }
}

/// A unit struct and an empty struct.
mod bare_unit_struct {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Unit;
    #[derive(Serialize, Deserialize)]
    pub struct Empty {}

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn unit(&self, unit: Unit, empty: Empty) -> (Unit, Empty);
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn unit(&self, unit: Unit, empty: Empty) -> (Unit, Empty) {
            (unit, empty)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let _ = client.unit(Unit, Empty {}).await?;
        Ok(())
    }
}

/// Numbers with invariants.
mod nonzero_and_wrapping {
    use rpcudp::rpc_service;

    use std::cmp::Reverse;
    use std::num::{NonZeroU32, Wrapping};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn of(&self, number: NonZeroU32, wrapped: Wrapping<u8>, reversed: Reverse<u8>) -> u32;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn of(&self, number: NonZeroU32, wrapped: Wrapping<u8>, reversed: Reverse<u8>) -> u32 {
            number.get() + u32::from(wrapped.0) + u32::from(reversed.0)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.of(NonZeroU32::MIN, Wrapping(2), Reverse(3)).await?, 6);
        Ok(())
    }
}

/// Ranges.
mod ranges_and_bounds {
    use rpcudp::rpc_service;

    use std::ops::{Range, RangeInclusive};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn range(&self, range: Range<u64>) -> Vec<u64>;
        fn inclusive(&self, range: RangeInclusive<u8>) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn range(&self, range: Range<u64>) -> Vec<u64> {
            range.collect()
        }
        fn inclusive(&self, range: RangeInclusive<u8>) -> u8 {
            *range.end()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.range(1..3).await?, [1, 2]);
        assert_eq!(client.inclusive(1..=3).await?, 3);
        Ok(())
    }
}

/// A time.
mod system_time {
    use rpcudp::rpc_service;

    use std::time::SystemTime;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn at(&self, time: SystemTime) -> SystemTime;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn at(&self, time: SystemTime) -> SystemTime {
            time
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.at(SystemTime::UNIX_EPOCH).await?, SystemTime::UNIX_EPOCH);
        Ok(())
    }
}

/// Text of C.
mod c_strings {
    use rpcudp::rpc_service;

    use std::ffi::CString;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn len(&self, text: CString) -> usize;
        fn lent(&self, text: &CString) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn len(&self, text: CString) -> usize {
            text.as_bytes().len()
        }
        fn lent(&self, text: &CString) -> usize {
            text.as_bytes().len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.len(CString::new("ab")?).await?, client.lent(&CString::new("c")?).await?), (2, 1));
        Ok(())
    }
}
