//! Shapes after the manner of async-trait: default bodies, trait objects, lifetimes, and names in
//! scope.

/// A method with a body, which the implementation leaves out.
mod default_body {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn version(&self) -> u32 {
            3
        }
        fn name(&self) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn name(&self) -> String {
            "a".into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.version().await?, client.name().await?), (3, "a".into()));
        Ok(())
    }
}

/// A method with a body, which the implementation replaces.
mod default_body_overridden {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn version(&self) -> u32 {
            3
        }
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn version(&self) -> u32 {
            4
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.version().await?, 4);
        Ok(())
    }
}

/// An async method with a body that calls others.
mod default_async_body {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn twice(&self, text: &str) -> String {
            let once = self.once(text).await;
            format!("{once}{once}")
        }
        async fn once(&self, text: &str) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn once(&self, text: &str) -> String {
            text.to_uppercase()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.twice("a").await?, "AA");
        Ok(())
    }
}

/// An async method with a body, replaced by an `async fn`.
mod default_async_overridden {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn twice(&self, text: &str) -> String {
            format!("{text}{text}")
        }
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn twice(&self, text: &str) -> String {
            tokio::task::yield_now().await;
            text.into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.twice("a").await?, "a");
        Ok(())
    }
}

/// Bodies with `?` and an early return.
mod default_fallible {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn half(&self, number: u8) -> Result<u8, String> {
            if number % 2 == 1 {
                return Err("odd".into());
            }
            Ok(number / 2)
        }
        async fn quarter(&self, number: u8) -> Result<u8, String> {
            let half = self.half(number)?;
            if half == 0 {
                return Ok(0);
            }
            self.half(half)
        }
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {}

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.quarter(8).await.ok(), Some(2));
        assert_eq!(client.quarter(0).await.ok(), Some(0));
        assert_eq!(client.quarter(6).await.unwrap_err().into_application().ok().as_deref(), Some("odd"));
        Ok(())
    }
}

/// A body with `mut` arguments.
mod default_mut_argument {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn next(&self, mut number: u8) -> u8 {
            number += 1;
            number
        }
        async fn longer(&self, mut text: String) -> String {
            text.push('!');
            text
        }
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {}

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.next(1).await?, client.longer("a".into()).await?), (2, "a!".into()));
        Ok(())
    }
}

/// An async body that does not use the service.
mod default_without_self {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn sum(&self, numbers: &[u32]) -> u32 {
            numbers.iter().sum()
        }
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {}

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.sum(&[1, 2]).await?, 3);
        Ok(())
    }
}

/// A body that uses the context.
mod default_with_context {
    use rpcudp::{Context, rpc_service};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn me(&self, cx: &Context) -> String {
            tokio::task::yield_now().await;
            cx.sender().ip().to_string()
        }
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {}

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.me().await?, "127.0.0.1");
        Ok(())
    }
}

/// A oneway method with a body.
mod default_oneway {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        #[rpc(oneway)]
        fn hint(&self, _: u8) {}
        fn ping(&self) {}
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {}

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        client.hint(1).await?;
        client.ping().await?;
        Ok(())
    }
}

/// A trait object of a contract without async methods.
mod dyn_sync {
    use rpcudp::rpc_service;

    use std::sync::Arc;

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
        let (server, caller) =
            crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn Contract + Send + Sync>)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 1);
        Ok(())
    }
}

/// A trait object of a contract with async methods.
mod dyn_async {
    use rpcudp::rpc_service;

    use std::sync::Arc;

    #[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn id(&self) -> u8;
        fn sync(&self, text: &str) -> String;
        async fn borrowed(&self, key: &[u8], text: &str) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn id(&self) -> u8 {
            1
        }
        fn sync(&self, text: &str) -> String {
            text.into()
        }
        async fn borrowed(&self, key: &[u8], text: &str) -> usize {
            key.len() + text.len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn DynContract>)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (client.id().await?, client.sync("a").await?, client.borrowed(b"ab", "c").await?),
            (1, "a".into(), 3)
        );
        Ok(())
    }
}

/// One of two implementations, chosen at run time, one of them a mock.
mod dyn_chosen_at_run_time {
    use rpcudp::rpc_service;

    use std::sync::Arc;
    struct Mock(i16);
    impl Contract for Mock {
        async fn temperature(&self, _: &str) -> Result<i16, String> {
            Ok(self.0)
        }
    }
    fn sensor(mocked: bool) -> Arc<dyn Sensor> {
        if mocked { Arc::new(Mock(21)) } else { Arc::new(Shape) }
    }

    #[rpc_service(dyn = "Sensor", client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn temperature(&self, city: &str) -> Result<i16, String>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn temperature(&self, _: &str) -> Result<i16, String> {
            Err("no sensor".into())
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::from_arc(sensor(true))).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.temperature("Ulm").await.ok(), Some(21));
        let mock: Box<dyn Sensor> = Box::new(Shape);
        assert_eq!(mock.temperature("Ulm").await, Err("no sensor".into()));
        Ok(())
    }
}

/// A trait object of a generic contract with an associated type.
mod dyn_generic {
    use rpcudp::rpc_service;
    use serde::Serialize;

    use serde::de::DeserializeOwned;
    use std::sync::Arc;

    #[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract<K: Serialize + DeserializeOwned + Send + Sync> {
        type Value: Serialize + DeserializeOwned + Send + Sync;
        async fn fetch(&self, key: &K) -> Option<Self::Value>;
        fn put(&self, key: K, value: Self::Value) -> bool;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract<String> for Shape {
        type Value = u8;
        async fn fetch(&self, key: &String) -> Option<u8> {
            key.parse().ok()
        }
        fn put(&self, key: String, value: u8) -> bool {
            key == value.to_string()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) =
            crate::pair(ShapeServer::<dyn DynContract<String, Value = u8>, String>::from_arc(Arc::new(Shape))).await?;
        let client: ShapeClient<String, u8> = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.fetch(&"7".into()).await?, client.put("7".into(), 7).await?), (Some(7), true));
        Ok(())
    }
}

/// Trait objects, and arguments with every kind of lifetime.
mod dyn_with_lifetimes {
    use rpcudp::{Context, rpc_service};
    use serde::{Deserialize, Serialize};

    use std::borrow::Cow;
    use std::sync::Arc;
    #[derive(Serialize, Deserialize)]
    pub struct Item<'a> {
        name: &'a str,
    }

    #[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn named<'a>(&'a self, cx: &'a Context, key: &'a str, other: Cow<'a, str>) -> usize;
        async fn nested(&self, items: Vec<&str>, _: Option<&[u8]>, item: Item<'_>) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn named<'a>(&'a self, _: &'a Context, key: &'a str, other: Cow<'a, str>) -> usize {
            key.len() + other.len()
        }
        async fn nested(&self, items: Vec<&str>, bytes: Option<&[u8]>, item: Item<'_>) -> usize {
            items.len() + bytes.map_or(0, <[u8]>::len) + item.name.len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn DynContract>)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.named("a", "bc".into()).await?, 3);
        assert_eq!(client.nested(vec!["a"], Some(b"bc"), Item { name: "def" }).await?, 6);
        Ok(())
    }
}

/// Trait objects of a contract with bodies and supertraits.
mod dyn_with_defaults {
    use rpcudp::rpc_service;

    use std::fmt::Debug;
    use std::sync::Arc;

    #[rpc_service(dyn, client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract: Debug {
        async fn hello(&self) -> String {
            format!("hello {}", self.name().await)
        }
        async fn name(&self) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn name(&self) -> String {
            format!("{self:?}")
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::from_arc(Arc::new(Shape) as Arc<dyn DynContract>)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.hello().await?, "hello Shape");
        Ok(())
    }
}

/// Borrowed arguments without names for their lifetimes.
mod elided_lifetimes {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn join(&self, one: &str, other: &str) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn join(&self, one: &str, other: &str) -> String {
            format!("{one}{other}")
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.join("a", "b").await?, "ab");
        Ok(())
    }
}

/// Borrowed arguments with names for their lifetimes.
mod named_lifetimes {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn join<'a, 'b: 'a>(&'a self, one: &'a str, other: &'b str) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn join<'a, 'b: 'a>(&'a self, one: &'a str, other: &'b str) -> String {
            format!("{one}{other}")
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.join("a", "b").await?, "ab");
        Ok(())
    }
}

/// `self: &Self`, which is `&self`.
mod typed_receiver {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(self: &Self) -> u8;
        async fn later<'a>(self: &'a Self, text: &'a str) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            1
        }
        async fn later<'a>(&'a self, text: &'a str) -> usize {
            text.len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.id().await?, client.later("ab").await?), (1, 2));
        Ok(())
    }
}

/// Arguments without a name.
mod unnamed_arguments {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn ignore(&self, _: Vec<u8>, _: &str) -> bool;
        async fn later(&self, _: u8) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn ignore(&self, bytes: Vec<u8>, text: &str) -> bool {
            bytes == text.as_bytes()
        }
        async fn later(&self, number: u8) -> u8 {
            number
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.ignore(b"a".to_vec(), "a").await?);
        assert_eq!(client.later(1).await?, 1);
        Ok(())
    }
}

/// Arguments that begin with `_`.
mod clippy_names {
    use rpcudp::{Context, rpc_service};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn unused(&self, _cx: &Context, _reserved: u8) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn unused(&self, _cx: &Context, reserved: u8) -> u8 {
            reserved
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.unused(1).await?, 1);
        Ok(())
    }
}

/// An associated type for each direction.
mod associated_types {
    use rpcudp::rpc_service;
    use serde::Serialize;

    use serde::de::DeserializeOwned;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        type Key: Serialize + DeserializeOwned + Send;
        type Item: Serialize + DeserializeOwned + Send;
        async fn find(&self, key: Self::Key) -> Vec<Self::Item>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        type Key = u8;
        type Item = String;
        async fn find(&self, key: u8) -> Vec<String> {
            vec![key.to_string()]
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient<u8, String> = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.find(1).await?, ["1"]);
        Ok(())
    }
}

/// An error type of the service's own.
mod associated_error {
    use rpcudp::rpc_service;
    use serde::Serialize;

    use serde::de::DeserializeOwned;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        type Error: Serialize + DeserializeOwned + Send;
        async fn run(&self, fails: bool) -> Result<(), Self::Error>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        type Error = u8;
        async fn run(&self, fails: bool) -> Result<(), u8> {
            if fails { Err(1) } else { Ok(()) }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient<u8> = rpcudp::Client::new(&caller, server.local_addr());
        assert!(client.run(false).await.is_ok());
        assert_eq!(client.run(true).await.unwrap_err().into_application().ok(), Some(1));
        Ok(())
    }
}

/// Associated types whose names are keywords.
mod keyword_types {
    #![allow(non_camel_case_types, reason = "the names are the shape")]
    use rpcudp::rpc_service;
    use serde::Serialize;

    use serde::de::DeserializeOwned;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        type r#type: Serialize + DeserializeOwned + Send;
        type r#box: Serialize + DeserializeOwned + Send;
        fn of(&self, value: Self::r#type) -> Self::r#box;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        type r#type = u8;
        type r#box = u16;
        fn of(&self, value: u8) -> u16 {
            value.into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient<u8, u16> = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.of(1).await?, 1);
        Ok(())
    }
}

/// A const parameter, and a type of the same name.
mod const_parameter {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct N;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract<const N: usize> {
        fn len(&self) -> usize;
        fn of(&self, value: N) -> N;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract<3> for Shape {
        fn len(&self) -> usize {
            3
        }
        fn of(&self, value: N) -> N {
            value
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::<_, 3>::new(Shape)).await?;
        let client: ShapeClient<3> = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.len().await?, 3);
        client.of(N).await?;
        Ok(())
    }
}

/// Const parameters of every kind of type.
mod const_parameters {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract<const A: bool, const B: char = 'b', const C: i8 = -1> {
        fn word(&self) -> char;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract<true> for Shape {
        fn word(&self) -> char {
            'x'
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::<_, true, 'b', -1>::new(Shape)).await?;
        let client: ShapeClient<true> = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.word().await?, 'x');
        Ok(())
    }
}

/// Visibility of a path.
mod inside_a_module {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub(in crate::async_traits) trait Contract {
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

/// An implementation for a smart pointer.
mod service_behind_a_box {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn id(&self) -> u8;
    }

    impl Contract for Box<u8> {
        fn id(&self) -> u8 {
            **self
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Box::new(9))).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 9);
        Ok(())
    }
}

/// A service that is generic over a function.
mod service_of_a_closure {
    use rpcudp::rpc_service;

    struct Function<F>(F);
    impl<F: Fn(u8) -> u8> Contract for Function<F> {
        fn apply(&self, number: u8) -> u8 {
            (self.0)(number)
        }
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn apply(&self, number: u8) -> u8;
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Function(|number| number * 2))).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.apply(4).await?, 8);
        Ok(())
    }
}

/// One type implements two contracts.
mod two_contracts_of_one_service {
    use rpcudp::rpc_service;

    #[rpc_service(namespace = "other.")]
    pub trait Other {
        fn a(&self) -> u8;
    }
    impl Other for Shape {
        fn a(&self) -> u8 {
            2
        }
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn a(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn a(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.a().await?, 1);
        Ok(())
    }
}

/// Generated types under names of the user's, beside a type with the usual one.
mod chosen_names {
    use rpcudp::rpc_service;

    #[expect(dead_code)]
    struct ShapeServer;
    #[expect(dead_code)]
    struct ShapeClient;

    #[rpc_service(client = "Caller", server = "Callee")]
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
        let (server, caller) = crate::pair(Callee::new(Shape)).await?;
        let client: Caller = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 1);
        Ok(())
    }
}

/// Arguments with the names of statics and unit structs in scope.
mod names_in_scope {
    #![allow(dead_code, non_upper_case_globals, non_camel_case_types, reason = "the names are the shape")]
    use rpcudp::{Context, rpc_service};

    static limit: u8 = 0;
    struct unit;
    struct pair(u8);
    static request: u8 = 0;
    static arguments: u8 = 0;
    const service: u8 = 0;
    struct incoming;
    static cx: u8 = 0;
    static via: u8 = 0;
    static peer: u8 = 0;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn sum(&self, limit: u8, unit: u8, pair: u8) -> u8;
        async fn later(&self, limit: u8, unit: &str) -> usize;
        fn service(&self, cx: &Context, arguments: u8, server: u8) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn sum(&self, a: u8, b: u8, c: u8) -> u8 {
            a + b + c
        }
        async fn later(&self, a: u8, b: &str) -> usize {
            usize::from(a) + b.len()
        }
        fn service(&self, _: &Context, a: u8, b: u8) -> u8 {
            a * b
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.sum(1, 2, 3).await?, client.later(1, "a").await?, client.service(2, 3).await?), (6, 2, 6));
        Ok(())
    }
}

/// Arguments and types with the names that generated code uses.
mod names_of_generated_items {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Delivery;
    #[derive(Serialize, Deserialize)]
    pub struct CallSpec;
    #[derive(Serialize, Deserialize)]
    pub struct Method;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn f(&self, stub: Delivery, spec: CallSpec) -> Method;
        async fn g(&self, respond: &Method) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn f(&self, _: Delivery, _: CallSpec) -> Method {
            Method
        }
        async fn g(&self, _: &Method) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        client.f(Delivery, CallSpec).await?;
        assert_eq!(client.g(&Method).await?, 1);
        Ok(())
    }
}

/// A module that forbids the lints that generated code might need to allow.
mod forbidden_lints {
    #![forbid(dead_code, deprecated, single_use_lifetimes, unused_lifetimes, unused_imports, unused_variables)]
    use rpcudp::{Context, rpc_service};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn a<'a>(&self, text: &'a str, other: &'a str) -> usize;
        async fn b(&self, cx: &Context, numbers: &Vec<u8>) -> usize;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn a<'a>(&self, text: &'a str, other: &'a str) -> usize {
            text.len() + other.len()
        }
        async fn b(&self, _: &Context, numbers: &Vec<u8>) -> usize {
            numbers.len()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.a("a", "b").await?, client.b(&vec![1]).await?), (2, 1));
        Ok(())
    }
}

/// A contract of which nothing is used does not warn.
mod unused_contract {
    #![forbid(dead_code)]
    use rpcudp::rpc_service;

    #[rpc_service]
    pub trait Unused {
        fn a(&self);
        fn b(&self, text: &str) -> u8;
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn a(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn a(&self) -> u8 {
            1
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.a().await?, 1);
        Ok(())
    }
}
