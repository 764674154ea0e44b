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

/// What goes wrong with a request, and where.
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

/// Has it happen to the requests for `add`: where it is not ready, to the second request of all.
struct Faulty<S> {
    inner: S,
    fault: Fault,
    ready_count: u64,
}

fn faulty(fault: Fault) -> impl Layer<Handler, Service = Faulty<Handler>> {
    layer_fn(move |inner| Faulty { inner, fault, ready_count: 0 })
}

impl<S> Service<Request> for Faulty<S>
where
    S: Service<Request, Response = Response, Error = BoxError, Future: Send + 'static>,
{
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.ready_count += 1;
        match self.fault {
            _ if self.ready_count != 2 => self.inner.poll_ready(cx),
            Fault::NotReady => Poll::Pending,
            Fault::ReadyFails => Poll::Ready(Err("the database says no".into())),
            Fault::ReadyPanics => panic!("told by the panic hook"),
            _ => self.inner.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() != "add" {
            return Box::pin(self.inner.call(request));
        }
        match self.fault {
            Fault::CallPanics => panic!("told by the panic hook"),
            Fault::FuturePanics => Box::pin(async { panic!("told by the panic hook") }),
            Fault::FutureFails => Box::pin(ready(Err("the database says no".into()))),
            Fault::DisplayPanics => Box::pin(ready(Err(Unspeakable.into()))),
            Fault::Wrapped => Box::pin(ready(Err(Wrapped(Overloaded::new().into()).into()))),
            Fault::NotReady | Fault::ReadyFails | Fault::ReadyPanics => Box::pin(self.inner.call(request)),
        }
    }
}

#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("told by the panic hook")
    }
}

impl Error for Unspeakable {}

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

/// What a call of `add` comes to with this fault, between others that it does not concern.
async fn with(fault: Fault) -> (Refusal, String) {
    // Somebody looks at every error.
    let subscriber = tracing_subscriber::fmt().with_writer(io::sink).finish();
    let _subscriber = tracing::subscriber::set_default(subscriber);
    let (pair, works, runs) = pair(|builder| builder.layer(faulty(fault)));
    assert_eq!(works.slow("before", 10).await.unwrap(), "BEFORE");
    let slow = tokio::spawn(works.fails().timeout(ms(1_000)));
    // In the order of their making: `add` is the second.
    let refused = refusal(works.add("a", b"b").await);
    assert_eq!(slow.await.unwrap().unwrap_err().into_application().unwrap(), "as it should");
    assert_eq!(works.slow("after", 10).await.unwrap(), "AFTER");
    assert_eq!(runs.of("add"), [0, 0]);
    assert_eq!(pair.server.stats().requests.running, 0);
    refused
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_not_ready_is_not_waited_for() {
    assert_eq!(with(Fault::NotReady).await, (Refusal::Busy, "add".into()));
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_fails_with_is_not_told() {
    for fault in [Fault::ReadyFails, Fault::FutureFails] {
        assert_eq!(with(fault).await, (Refusal::Rejected, "add".into()), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_panics_costs_that_call_alone() {
    for fault in [Fault::ReadyPanics, Fault::CallPanics, Fault::FuturePanics, Fault::DisplayPanics] {
        assert_eq!(with(fault).await, (Refusal::Panicked, "add".into()), "{fault:?}");
    }
}

/// Keeps what is logged.
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
async fn what_a_layer_fails_with_is_logged_once_a_second() {
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
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the database says no")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines.iter().all(|line| line.contains("WARN") && line.contains(r#"method="add""#)), "{log}");
    assert!(lines[1].contains("suppressed=19"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn an_error_may_be_wrapped() {
    assert_eq!(with(Fault::Wrapped).await, (Refusal::Busy, "add".into()));
}

#[tokio::test(start_paused = true)]
async fn a_layer_s_error_passes_through_those_around_it() {
    let layers =
        ServiceBuilder::new().load_shed().concurrency_limit(5).timeout(ms(1_000)).layer(faulty(Fault::FutureFails));
    let (_pair, works, _) = pair(|builder| builder.layer(layers));
    assert_eq!(refusal(works.add("", b"").await).0, Refusal::Rejected);
    let error = works.add("", b"").await.unwrap_err();
    assert!(matches!(error, CallError::Refused { .. }), "{error}");
    assert!(!error.to_string().contains("database"), "{error}");
}
