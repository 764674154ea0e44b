use std::any::type_name;
use std::fmt::Debug;
use std::mem;
use std::sync::{Arc, Mutex};

use rpcudp::{Call, Endpoint, rpc_service};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{CallOutcome, Python, Venv};

/// A Python peer and an endpoint that exchange values, to check the types that arrive.
#[derive(Debug)]
pub struct Exchange<'a> {
    venv: &'a Venv,
    python: Python,
    rust: Endpoint,
}

/// The methods that Python serves for values.
#[rpc_service]
trait Values<T: Serialize + DeserializeOwned> {
    /// Describes the types of a value, as Python sees them.
    fn describe(&self, value: &T) -> String;
    /// Returns the value of a Python literal.
    fn make(&self, literal: &str) -> T;
}

/// The method that Rust serves for values.
#[rpc_service]
trait Echo<T: Serialize + DeserializeOwned> {
    fn echo(&self, value: T) -> T;
}

/// An echo server that records its arguments, as Rust sees them.
struct Recorder<T>(Mutex<Vec<T>>);

impl<T: Serialize + DeserializeOwned + Clone + Send> Echo<T> for Recorder<T> {
    fn echo(&self, value: T) -> T {
        self.0.lock().expect("no handler panics").push(value.clone());
        value
    }
}

impl<'a> Exchange<'a> {
    /// Starts the peer.
    ///
    /// # Panics
    ///
    /// Panics if the peer does not start.
    pub async fn start(venv: &'a Venv) -> Self {
        let rust = venv.endpoint().bind("127.0.0.1:0").await.expect("a free port of this host");
        Self { venv, python: venv.launch().start().await, rust }
    }

    /// Asserts that a value arrives unchanged in both directions, as an argument and as a result.
    ///
    /// `literal` is the value as a Python literal. `description` names the types and values that
    /// Python receives from Rust. Values are compared by their `Debug` texts, because 0.0 must
    /// differ from -0.0 and NaN must equal itself.
    ///
    /// # Panics
    ///
    /// Panics if the assertion fails.
    pub async fn assert_round_trip<T>(&self, value: T, literal: &str, description: &str)
    where
        T: Serialize + DeserializeOwned + Debug + Clone + Send + 'static,
    {
        self.assert_python_receives(&value, description).await;
        self.assert_rust_receives(&value, literal).await;

        let value_and_type = format!("{value:?}: {}", type_name::<T>());
        let recorder = Arc::new(Recorder(Mutex::new(Vec::<T>::new())));
        let echo = EchoServer::from_arc(Arc::clone(&recorder));
        let echo = self.venv.endpoint().serve(echo).bind("127.0.0.1:0").await.expect("a free port of this host");
        let outcome = self.python.call(echo.local_addr(), "echo", &[literal]).await;
        let received = mem::take(&mut *recorder.0.lock().expect("no handler panics"));
        assert_eq!(
            format!("{received:?}"),
            format!("{:?}", [&value]),
            "Python's argument {literal} for {value_and_type}"
        );
        assert_eq!(outcome, CallOutcome::returned(description), "Rust's result {value_and_type}");
    }

    /// Asserts that Python receives an argument of Rust as described.
    ///
    /// # Panics
    ///
    /// Panics if the assertion fails.
    pub async fn assert_python_receives<T: Serialize + DeserializeOwned + Debug>(&self, value: &T, description: &str) {
        let value_and_type = format!("{value:?}: {}", type_name::<T>());
        match self.describe(value).await {
            Ok(described) => assert_eq!(described, description, "Rust's argument {value_and_type}"),
            Err(error) => panic!("Rust's argument {value_and_type}: {error}"),
        }
    }

    /// Calls Python, which describes the value that it receives.
    pub fn describe<T: Serialize + DeserializeOwned>(&self, value: &T) -> Call<String> {
        ValuesClient::<T>::new(&self.rust, self.python.addr()).describe(value)
    }

    /// Asserts that Rust receives a result of Python as this value.
    ///
    /// # Panics
    ///
    /// Panics if the assertion fails.
    pub async fn assert_rust_receives<T: Serialize + DeserializeOwned + Debug>(&self, value: &T, literal: &str) {
        let values = ValuesClient::<T>::new(&self.rust, self.python.addr());
        match values.make(literal).await {
            Ok(made) => assert_eq!(format!("{made:?}"), format!("{value:?}"), "Python's result {literal}"),
            Err(error) => panic!("Python's result {literal} for {value:?}: {error}"),
        }
    }

    /// Returns the Python peer.
    #[must_use]
    pub fn python(&self) -> &Python {
        &self.python
    }

    /// Returns the Rust endpoint, which serves no methods.
    pub fn rust(&self) -> &Endpoint {
        &self.rust
    }
}
