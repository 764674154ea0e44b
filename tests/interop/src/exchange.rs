use std::any::type_name;
use std::fmt::Debug;
use std::mem;
use std::sync::{Arc, Mutex};

use rpcudp::{Call, Endpoint, rpc_service};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Ended, Python, Venv};

/// A Python peer and an endpoint that hand each other values, to see what becomes of their types.
#[derive(Debug)]
pub struct Exchange<'a> {
    venv: &'a Venv,
    python: Python,
    rust: Endpoint,
}

/// What Python serves about a value.
#[rpc_service]
trait Values<T: Serialize + DeserializeOwned> {
    /// Its types, as Python sees them.
    fn describe(&self, value: &T) -> String;
    /// One that Python made of a literal.
    fn make(&self, literal: &str) -> T;
}

/// What Rust serves about a value.
#[rpc_service]
trait Mirror<T: Serialize + DeserializeOwned> {
    fn mirror(&self, value: T) -> T;
}

/// A mirror that remembers what it was shown, as Rust saw it.
struct Recorder<T>(Mutex<Vec<T>>);

impl<T: Serialize + DeserializeOwned + Clone + Send> Mirror<T> for Recorder<T> {
    fn mirror(&self, value: T) -> T {
        self.0.lock().expect("no handler panics").push(value.clone());
        value
    }
}

impl<'a> Exchange<'a> {
    /// Starts the peer.
    ///
    /// # Panics
    ///
    /// Where it does not come up.
    pub async fn start(venv: &'a Venv) -> Self {
        let rust = venv.endpoint().bind("127.0.0.1:0").await.expect("a free port of this host");
        Self { venv, python: venv.launch().start().await, rust }
    }

    /// Asserts that a value travels in both directions, as an argument and as a result.
    ///
    /// `literal` is the value as Python writes it, and `description` the types and values that Python sees when it comes
    /// from Rust. Values are compared by `Debug`, which tells 0.0 from -0.0 and makes NaN equal to itself.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub async fn assert_travels<T>(&self, value: T, literal: &str, description: &str)
    where
        T: Serialize + DeserializeOwned + Debug + Clone + Send + 'static,
    {
        self.assert_travels_to_python(&value, description).await;
        self.assert_travels_to_rust(&value, literal).await;

        let what = format!("{value:?}: {}", type_name::<T>());
        let recorder = Arc::new(Recorder(Mutex::new(Vec::<T>::new())));
        let mirror = MirrorServer::from_arc(Arc::clone(&recorder));
        let mirror = self.venv.endpoint().serve(mirror).bind("127.0.0.1:0").await.expect("a free port of this host");
        let ended = self.python.call(mirror.local_addr(), "mirror", &[literal]).await;
        let seen = mem::take(&mut *recorder.0.lock().expect("no handler panics"));
        assert_eq!(format!("{seen:?}"), format!("{:?}", [&value]), "Python's argument {literal} for {what}");
        assert_eq!(ended, Ended::answered(description), "Rust's result {what}");
    }

    /// Asserts that Python sees an argument of Rust's as this describes it.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub async fn assert_travels_to_python<T: Serialize + DeserializeOwned + Debug>(
        &self,
        value: &T,
        description: &str,
    ) {
        let what = format!("{value:?}: {}", type_name::<T>());
        match self.describe(value).await {
            Ok(described) => assert_eq!(described, description, "Rust's argument {what}"),
            Err(error) => panic!("Rust's argument {what}: {error}"),
        }
    }

    /// Calls Python, which describes the value that it sees.
    pub fn describe<T: Serialize + DeserializeOwned>(&self, value: &T) -> Call<String> {
        ValuesClient::<T>::new(&self.rust, self.python.addr()).describe(value)
    }

    /// Asserts that Rust sees a result of Python's as this value.
    ///
    /// # Panics
    ///
    /// Where it does not.
    pub async fn assert_travels_to_rust<T: Serialize + DeserializeOwned + Debug>(&self, value: &T, literal: &str) {
        let values = ValuesClient::<T>::new(&self.rust, self.python.addr());
        match values.make(literal).await {
            Ok(made) => assert_eq!(format!("{made:?}"), format!("{value:?}"), "Python's result {literal}"),
            Err(error) => panic!("Python's result {literal} for {value:?}: {error}"),
        }
    }

    /// The Python side.
    #[must_use]
    pub fn python(&self) -> &Python {
        &self.python
    }

    /// The Rust side, which serves nothing.
    pub fn rust(&self) -> &Endpoint {
        &self.rust
    }
}
