//! Shapes after the manner of tarpc: requests with owned arguments, and a context.

/// No argument and no value.
mod unit_call {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn ping(&self);
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn ping(&self) {}
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        client.ping().await?;
        Ok(())
    }
}

/// `-> ()` written out.
mod explicit_unit {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn ping(&self) -> ();
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn ping(&self) {}
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        client.ping().await?;
        Ok(())
    }
}

/// An owned argument.
mod greeting {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn hello(&self, name: String) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn hello(&self, name: String) -> String {
            format!("Hello, {name}!")
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.hello("Ada".into()).await?, "Hello, Ada!");
        Ok(())
    }
}

/// The context first, as servers of other frameworks have it.
mod greeting_with_context {
    use rpcudp::{Context, rpc_service};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn hello(&self, cx: Context, name: String) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn hello(&self, cx: Context, name: String) -> String {
            format!("{name} at {}", cx.sender().ip())
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.hello("Ada".into()).await?, "Ada at 127.0.0.1");
        Ok(())
    }
}

/// The context after the arguments.
mod context_last {
    use rpcudp::{Context, rpc_service};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn sum(&self, a: u32, b: u32, cx: &Context) -> u32;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn sum(&self, a: u32, b: u32, cx: &Context) -> u32 {
            assert!(cx.sender().is_ipv4());
            a + b
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.sum(2, 3).await?, 5);
        Ok(())
    }
}

/// The context between the arguments.
mod context_between {
    use rpcudp::{Context, rpc_service};

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn sum(&self, a: u32, cx: &Context, b: u32) -> u32;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn sum(&self, a: u32, _: &Context, b: u32) -> u32 {
            a + b
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.sum(2, 3).await?, 5);
        Ok(())
    }
}

/// Several methods with the same types.
mod arithmetic {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn add(&self, x: i32, y: i32) -> i32;
        async fn sub(&self, x: i32, y: i32) -> i32;
        async fn mul(&self, x: i32, y: i32) -> i32;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn add(&self, x: i32, y: i32) -> i32 {
            x + y
        }
        async fn sub(&self, x: i32, y: i32) -> i32 {
            x - y
        }
        async fn mul(&self, x: i32, y: i32) -> i32 {
            x * y
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!((client.add(2, 3).await?, client.sub(2, 3).await?, client.mul(2, 3).await?), (5, -1, 6));
        Ok(())
    }
}

/// A typed error.
mod division {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct ByZero;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn div(&self, x: i32, y: i32) -> Result<i32, ByZero>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn div(&self, x: i32, y: i32) -> Result<i32, ByZero> {
            x.checked_div(y).ok_or(ByZero)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.div(6, 3).await.ok(), Some(2));
        assert_eq!(client.div(6, 0).await.unwrap_err().into_application().ok(), Some(ByZero));
        Ok(())
    }
}

/// An enum of errors with data.
mod error_enum {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub enum OpenError {
        Empty,
        TooLong { len: usize },
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn open(&self, path: &str) -> Result<u64, OpenError>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn open(&self, path: &str) -> Result<u64, OpenError> {
            match path {
                "" => Err(OpenError::Empty),
                path if path.len() > 3 => Err(OpenError::TooLong { len: path.len() }),
                _ => Ok(1),
            }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.open("a").await.ok(), Some(1));
        assert_eq!(client.open("").await.unwrap_err().into_application().ok(), Some(OpenError::Empty));
        assert_eq!(client.open("abcd").await.unwrap_err().into_application().ok(), Some(OpenError::TooLong { len: 4 }));
        Ok(())
    }
}

/// A struct in each direction.
mod struct_in_and_out {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Point {
        x: f64,
        y: f64,
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        async fn turn(&self, point: Point) -> Point;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        async fn turn(&self, point: Point) -> Point {
            Point { x: -point.y, y: point.x }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.turn(Point { x: 1.0, y: 2.0 }).await?, Point { x: -2.0, y: 1.0 });
        Ok(())
    }
}

/// An enum with every kind of variant.
mod enum_argument {
    use rpcudp::rpc_service;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub enum Figure {
        Empty,
        Square(f64),
        Oblong { width: f64, height: f64 },
    }

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn area(&self, figure: Figure) -> f64;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn area(&self, figure: Figure) -> f64 {
            match figure {
                Figure::Empty => 0.0,
                Figure::Square(side) => side * side,
                Figure::Oblong { width, height } => width * height,
            }
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            client.area(Figure::Empty).await?
                + client.area(Figure::Square(2.0)).await?
                + client.area(Figure::Oblong { width: 2.0, height: 0.5 }).await?,
            5.0
        );
        Ok(())
    }
}

/// Tuples.
mod tuples {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn swap(&self, pair: (u8, String)) -> (String, u8);
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn swap(&self, pair: (u8, String)) -> (String, u8) {
            (pair.1, pair.0)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.swap((1, "a".into())).await?, ("a".into(), 1));
        Ok(())
    }
}

/// Arrays of a fixed length.
mod arrays {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn digest(&self, seed: [u8; 4]) -> [u32; 2];
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn digest(&self, seed: [u8; 4]) -> [u32; 2] {
            [u32::from(seed[0]), u32::from_be_bytes(seed)]
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.digest([0, 0, 1, 2]).await?, [0, 258]);
        Ok(())
    }
}

/// Collections of the standard library.
mod collections {
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
}

/// An optional argument and value.
mod optional_argument {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn next(&self, after: Option<u8>) -> Option<u8>;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn next(&self, after: Option<u8>) -> Option<u8> {
            after.map_or(Some(0), |after| after.checked_add(1))
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(
            (client.next(None).await?, client.next(Some(1)).await?, client.next(Some(255)).await?),
            (Some(0), Some(2), None)
        );
        Ok(())
    }
}

/// Types of the standard library that serde knows.
mod durations_and_addresses {
    use rpcudp::rpc_service;

    use std::net::{IpAddr, SocketAddr};
    use std::time::Duration;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn later(&self, wait: Duration, peer: SocketAddr) -> (Duration, IpAddr);
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn later(&self, wait: Duration, peer: SocketAddr) -> (Duration, IpAddr) {
            (wait * 2, peer.ip())
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        let peer: SocketAddr = "127.0.0.1:80".parse()?;
        assert_eq!(client.later(Duration::from_millis(1), peer).await?, (Duration::from_millis(2), peer.ip()));
        Ok(())
    }
}

/// Mutable state in a lock.
mod state_in_a_lock {
    use rpcudp::rpc_service;

    use std::sync::{Mutex, PoisonError};
    #[derive(Default)]
    struct Stack(Mutex<Vec<String>>);

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn push(&self, item: String) -> usize;
        async fn pop(&self) -> Option<String>;
    }

    impl Contract for Stack {
        fn push(&self, item: String) -> usize {
            let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            items.push(item);
            items.len()
        }
        async fn pop(&self) -> Option<String> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Stack::default())).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.push("a".into()).await?, 1);
        assert_eq!((client.pop().await?, client.pop().await?), (Some("a".into()), None));
        Ok(())
    }
}

/// More arguments than a tuple of serde has.
mod many_arguments {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn sum(
            &self,
            a: u8,
            b: u8,
            c: u8,
            d: u8,
            e: u8,
            f: u8,
            g: u8,
            h: u8,
            i: u8,
            j: u8,
            k: u8,
            l: u8,
            m: u8,
            n: u8,
            o: u8,
            p: u8,
            q: u8,
        ) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn sum(
            &self,
            a: u8,
            b: u8,
            c: u8,
            d: u8,
            e: u8,
            f: u8,
            g: u8,
            h: u8,
            i: u8,
            j: u8,
            k: u8,
            l: u8,
            m: u8,
            n: u8,
            o: u8,
            p: u8,
            q: u8,
        ) -> u8 {
            a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.sum(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1).await?, 17);
        Ok(())
    }
}

/// Every kind of number.
mod wide_numbers {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        fn wide(&self, a: u128, b: i128, c: usize, d: isize, e: f32, f: char, g: bool) -> (u128, i128, char);
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn wide(&self, a: u128, b: i128, c: usize, d: isize, e: f32, f: char, g: bool) -> (u128, i128, char) {
            assert_eq!((c, d, e, g), (1, -1, 0.5, true));
            (a, b, f)
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.wide(u128::MAX, i128::MIN, 1, -1, 0.5, 'é', true).await?, (u128::MAX, i128::MIN, 'é'));
        Ok(())
    }
}

/// Documentation and attributes on every item.
mod doc_comments {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract {
        /// Returns its argument.
        #[allow(clippy::wrong_self_convention)]
        fn from_text(&self, /* what the caller said */ text: &str) -> String;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn from_text(&self, text: &str) -> String {
            text.into()
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.from_text("a").await?, "a");
        assert_eq!(ShapeClient::CONTRACT.methods[0].doc, "Returns its argument.");
        Ok(())
    }
}

/// Bounds on the service.
mod supertraits {
    use rpcudp::rpc_service;

    use std::fmt::Debug;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract: Send + Sync + Debug + 'static {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            4
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 4);
        Ok(())
    }
}

/// A predicate on the service.
mod where_self {
    use rpcudp::rpc_service;

    #[rpc_service(client = "ShapeClient", server = "ShapeServer")]
    pub trait Contract
    where
        Self: Sized + Sync,
    {
        fn id(&self) -> u8;
    }

    #[derive(Debug)]
    struct Shape;

    impl Contract for Shape {
        fn id(&self) -> u8 {
            5
        }
    }

    #[tokio::test]
    async fn answers() -> crate::Done {
        let (server, caller) = crate::pair(ShapeServer::new(Shape)).await?;
        let client: ShapeClient = rpcudp::Client::new(&caller, server.local_addr());
        assert_eq!(client.id().await?, 5);
        Ok(())
    }
}
