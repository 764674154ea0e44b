//! Layers that fail, panic or are not ready.

use std::error::Error;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::{fmt, io};

use rpcudp::tower::{BoxError, Handler, Request, Response};
use rpcudp::{CallError, Refusal};
use tower::layer::layer_fn;
use tower::load_shed::error::Overloaded;
use tower::{Layer, Service, ServiceBuilder};

use crate::pair;
use crate::support::{ms, refusal};

/// The fault that a layer has.
#[derive(Clone, Copy, Debug)]
enum Fault {
    NotReady,
    ReadyFails,
    ReadyPanics,
    CallPanics,
    FuturePanics,
    FutureFails,
    DisplayPanics,
    Wrapped,
}

/// A service that has a fault for requests of `add`. Faults of readiness affect the second request.
struct Faulty<S> {
    inner: S,
    fault: Fault,
    poll_ready_count: u64,
}

fn faulty(fault: Fault) -> impl Layer<Handler, Service = Faulty<Handler>> {
    layer_fn(move |inner| Faulty { inner, fault, poll_ready_count: 0 })
}

impl<S> Service<Request> for Faulty<S>
where
    S: Service<Request, Response = Response, Error = BoxError, Future: Send + 'static>,
{
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.poll_ready_count += 1;
        match self.fault {
            _ if self.poll_ready_count != 2 => self.inner.poll_ready(cx),
            Fault::NotReady => Poll::Pending,
            Fault::ReadyFails => Poll::Ready(Err("the database failed".into())),
            Fault::ReadyPanics => panic!("an expected panic of the layer"),
            _ => self.inner.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() != "add" {
            return Box::pin(self.inner.call(request));
        }
        match self.fault {
            Fault::CallPanics => panic!("an expected panic of the layer"),
            Fault::FuturePanics => Box::pin(async { panic!("an expected panic of the layer") }),
            Fault::FutureFails => Box::pin(ready(Err("the database failed".into()))),
            Fault::DisplayPanics => Box::pin(ready(Err(PanicsInDisplay.into()))),
            Fault::Wrapped => Box::pin(ready(Err(Wrapped(Overloaded::new().into()).into()))),
            Fault::NotReady | Fault::ReadyFails | Fault::ReadyPanics => Box::pin(self.inner.call(request)),
        }
    }
}

#[derive(Debug)]
struct PanicsInDisplay;

impl fmt::Display for PanicsInDisplay {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("an expected panic of the layer")
    }
}

impl Error for PanicsInDisplay {}

#[derive(Debug)]
struct Wrapped(BoxError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it failed")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Calls `add` on a server with a fault, and returns the refusal. Checks that calls of other
/// methods before, during and after it complete.
async fn refusal_with(fault: Fault) -> (Refusal, String) {
    let (pair, works, runs) = pair(|builder| builder.layer(faulty(fault)));
    assert_eq!(works.slow("before", 10).await.unwrap(), "BEFORE");
    let slow = tokio::spawn(works.fails().timeout(ms(1_000)));
    // The calls reach the server in order, so `add` is the second request.
    let refused = refusal(works.add("a", b"b").await);
    assert_eq!(slow.await.unwrap().unwrap_err().into_application().unwrap(), "as it should");
    assert_eq!(works.slow("after", 10).await.unwrap(), "AFTER");
    assert_eq!(runs.of("add"), [0, 0]);
    assert_eq!(pair.server.stats().requests.running, 0);
    refused
}

#[tokio::test(start_paused = true)]
async fn layer_that_is_not_ready_is_busy() {
    assert_eq!(refusal_with(Fault::NotReady).await, (Refusal::Busy, "add".into()));
}

#[tokio::test(start_paused = true)]
async fn error_of_a_layer_stays_on_the_server() {
    for fault in [Fault::ReadyFails, Fault::FutureFails] {
        assert_eq!(refusal_with(fault).await, (Refusal::Rejected, "add".into()), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_layer_fails_only_its_own_call() {
    for fault in [Fault::ReadyPanics, Fault::CallPanics, Fault::FuturePanics, Fault::DisplayPanics] {
        assert_eq!(refusal_with(fault).await, (Refusal::Panicked, "add".into()), "{fault:?}");
    }
}

/// A writer that stores the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn error_of_a_layer_is_logged_once_a_second() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let (_pair, works, _) = pair(|builder| builder.layer(faulty(Fault::FutureFails)));
    for _ in 0..20 {
        works.add("", b"").await.unwrap_err();
    }
    tokio::time::sleep(ms(1_100)).await;
    works.add("", b"").await.unwrap_err();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the database failed")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines.iter().all(|line| line.contains("WARN") && line.contains(r#"method="add""#)), "{log}");
    assert!(lines[1].contains("suppressed=19"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn wrapped_error_of_load_shed_is_busy() {
    assert_eq!(refusal_with(Fault::Wrapped).await, (Refusal::Busy, "add".into()));
}

#[tokio::test(start_paused = true)]
async fn error_of_a_layer_passes_through_outer_layers() {
    let layers =
        ServiceBuilder::new().load_shed().concurrency_limit(5).timeout(ms(1_000)).layer(faulty(Fault::FutureFails));
    let (_pair, works, _) = pair(|builder| builder.layer(layers));
    assert_eq!(refusal(works.add("", b"").await).0, Refusal::Rejected);
    let error = works.add("", b"").await.unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error}");
    assert!(!error.to_string().contains("database"), "{error}");
}
