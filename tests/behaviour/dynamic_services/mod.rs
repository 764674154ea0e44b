//! Services whose methods are known at run time only.

mod changes;
mod deferred;
mod delivery;
mod forward;
mod published;
mod responses;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rpcudp::contract::{Delivery, Method};
use rpcudp::dynamic::RawArguments;
use rpcudp::value::Value;
use rpcudp::{Call, Context, DynamicMethod, DynamicResponse, DynamicService, Endpoint};
use serde::Serialize;
use tokio::time::sleep;

use crate::support::ms;

/// A service with a method for each delivery, which notes its requests.
#[derive(Clone, Default)]
struct Recorder {
    seen: Arc<Mutex<Vec<String>>>,
    /// The number of handlers that were dropped before they returned.
    dropped: Arc<AtomicU64>,
    other_methods: Option<Delivery>,
}

/// Counts a handler that is dropped before it returns.
struct Running<'a>(&'a Recorder, bool);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(u64::from(!self.1), Ordering::Relaxed);
    }
}

impl Recorder {
    const METHODS: [(&str, Delivery); 4] = [
        ("maybe", Delivery::Maybe),
        ("at_least", Delivery::AtLeastOnce),
        ("at_most", Delivery::AtMostOnce),
        ("oneway", Delivery::OneWay),
    ];

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl DynamicService for Recorder {
    fn name(&self) -> &str {
        "Recorder"
    }

    fn methods(&self) -> Vec<Method> {
        let method = |(name, delivery)| Method { delivery, ..Method::named(name) };
        let mut methods: Vec<_> = Self::METHODS.into_iter().map(method).collect();
        methods[0].aliases = vec!["once".into()].into();
        methods
    }

    fn other_methods(&self) -> Option<Delivery> {
        self.other_methods
    }

    /// Sleeps as many milliseconds as the first argument says, and returns the method's name and
    /// the number of the request.
    async fn call(&self, _: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(method.into());
            seen.len()
        };
        let mut running = Running(self, false);
        let mut arguments = rpcudp::dynamic::Arguments::new(arguments);
        match arguments.take::<Option<u64>>("millis") {
            Ok(Some(millis)) => sleep(ms(millis)).await,
            Ok(None) => {}
            Err(error) => {
                running.1 = true;
                return DynamicResponse::malformed(error);
            }
        }
        running.1 = true;
        DynamicResponse::value(&(method, number))
    }
}

/// Calls a method by name.
fn call(endpoint: &Endpoint, peer: SocketAddr, method: &str, arguments: &[impl Serialize]) -> Call<Value, Value> {
    DynamicMethod::new(method).fallible_call(endpoint, peer, arguments)
}

const NO_ARGUMENTS: &[()] = &[];
