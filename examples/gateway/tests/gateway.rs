//! Runs the gateway and calls a peer through it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rpcudp::{Endpoint, rpc_service};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

#[rpc_service]
trait Shop {
    /// Adds numbers.
    #[rpc(at_least_once)]
    fn add(&self, a: i64, b: i64) -> i64;
    fn echo(&self, bytes: Vec<u8>) -> Vec<u8>;
    fn withdraw(&self, cents: u64) -> Result<u64, String>;
    async fn stall(&self);
}

/// The service, which tells when a handler of `stall` begins and is dropped.
#[derive(Default)]
struct Counter {
    began: Notify,
    dropped: Notify,
}

struct OnDrop<'a>(&'a Notify);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Shop for Counter {
    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    fn echo(&self, bytes: Vec<u8>) -> Vec<u8> {
        bytes
    }

    fn withdraw(&self, cents: u64) -> Result<u64, String> {
        Err(format!("{cents} cents are missing"))
    }

    async fn stall(&self) {
        let _dropped = OnDrop(&self.dropped);
        self.began.notify_one();
        std::future::pending::<()>().await;
    }
}

/// The gateway as a process, which ends with this.
struct Gateway {
    process: Child,
    addr: SocketAddr,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Gateway {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_rpcudp-gateway"))
            .args(["127.0.0.1:0", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { process, addr }
    }

    /// Begins a request, and returns the connection.
    async fn begin(&self, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let len = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{headers}Content-Length: {len}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Returns the status and the body of a response.
    async fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut response = String::new();
        self.begin(method, path, headers, body).await.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn call(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.request("POST", path, "", &body.to_string()).await;
        (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{body:?}: {error}")))
    }
}

#[tokio::test]
async fn json_over_http_reaches_a_peer_and_back() {
    let counter = Arc::new(Counter::default());
    let server = Endpoint::builder().serve_described(ShopServer::from_arc(Arc::clone(&counter)));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let (gateway, peer) = (Gateway::start(), server.local_addr());
    let call = async |method: &str, body: Value| gateway.call(&format!("/{peer}/{method}"), &body).await;

    assert_eq!(call("add?retransmit=true", json!([40, 2])).await, (200, json!(42)));
    assert_eq!(call("echo", json!([{ "$hex": "00ff" }])).await, (200, json!({ "$hex": "00ff" })));
    let error = json!({ "error": "application", "value": "5 cents are missing" });
    assert_eq!(call("withdraw", json!([5])).await, (422, error));
    for (method, body, status, error) in [
        ("nothing", json!([]), 404, "unknown_method"),
        ("add", json!([1]), 400, "malformed_arguments"),
        ("add", json!({ "a": 1 }), 400, "bad_request"),
        ("add", json!([{ "$hex": "x" }]), 400, "bad_request"),
        ("echo", json!([{ "$hex": "00".repeat(9_000) }]), 413, "too_large"),
        ("stall?timeout_ms=50", json!([]), 504, "timeout"),
    ] {
        let (actual, body) = call(method, body).await;
        assert_eq!((actual, body["error"].as_str()), (status, Some(error)), "{method}: {body}");
    }
    let (status, body) = gateway.call("/localhost/add", &json!([])).await;
    assert_eq!((status, &body["message"]), (400, &json!("`localhost` is no IP address and port")));

    let (status, contracts) = gateway.request("GET", &format!("/{peer}"), "", "").await;
    assert_eq!((status, contracts), (200, ShopClient::CONTRACT.to_string()));
    let (status, _) =
        gateway.request("POST", &format!("/{peer}/add"), "Origin: http://example.org\r\n", "[1, 2]").await;
    assert_eq!(status, 403);
    drop(server);
}

#[tokio::test]
async fn client_that_disconnects_cancels_the_handler() {
    let counter = Arc::new(Counter::default());
    let server = Endpoint::builder().serve(ShopServer::from_arc(Arc::clone(&counter)));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let gateway = Gateway::start();
    let path = format!("/{}/stall?timeout_ms=600000", server.local_addr());
    let stream = gateway.begin("POST", &path, "", "[]").await;
    timeout(Duration::from_secs(30), counter.began.notified()).await.expect("the request arrives");
    drop(stream);
    timeout(Duration::from_secs(30), counter.dropped.notified()).await.expect("the handler is dropped");
}
