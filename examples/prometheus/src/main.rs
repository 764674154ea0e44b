//! A server and a client that export their metrics to Prometheus.
//!
//!     cargo run -p rpcudp-prometheus -- serve 127.0.0.1:1234 127.0.0.1:9000
//!     cargo run -p rpcudp-prometheus -- call 127.0.0.1:1234 127.0.0.1:9001
//!     curl http://127.0.0.1:9000/metrics
//!
//! The first address is that of the rpcudp server, the second that of the metrics. The client calls
//! until it is interrupted.

use std::net::SocketAddr;
use std::time::Duration;
use std::{env, error};

use metrics_exporter_prometheus::PrometheusBuilder;
use rpcudp::{CallError, Endpoint, rpc_service};

/// The contract that both sides compile against.
#[rpc_service(namespace = "account.")]
trait Account {
    /// Returns the balance in cents.
    fn balance(&self) -> u64;
    /// Withdraws cents. Fails above the balance.
    #[rpc(at_most_once)]
    async fn withdraw(&self, cents: u64) -> Result<u64, String>;
}

/// An account with a constant balance of 100 cents.
struct Hundred;

impl Account for Hundred {
    fn balance(&self) -> u64 {
        100
    }

    async fn withdraw(&self, cents: u64) -> Result<u64, String> {
        // Stands for a query to a database.
        tokio::time::sleep(Duration::from_millis(10)).await;
        100_u64.checked_sub(cents).ok_or_else(|| format!("{cents} cents are more than the balance"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [role, addr, metrics_addr] = arguments[..] else {
        return Err("usage: rpcudp-prometheus serve|call ADDRESS METRICS_ADDRESS".into());
    };
    export_metrics(metrics_addr.parse()?)?;
    match role {
        "serve" => serve(addr).await,
        "call" => call(addr.parse()?).await,
        _ => Err(format!("`{role}` is neither `serve` nor `call`").into()),
    }
}

/// Installs the metrics recorder, and serves its metrics to Prometheus.
fn export_metrics(addr: SocketAddr) -> Result<(), Box<dyn error::Error>> {
    PrometheusBuilder::new()
        // Adds the suffixes `_seconds` and `_total`, as Prometheus recommends.
        .with_recommended_naming(true)
        .set_buckets(&rpcudp::metrics::DURATION_BUCKETS)?
        .with_http_listener(addr)
        .install()?;
    Ok(())
}

async fn serve(addr: &str) -> Result<(), Box<dyn error::Error>> {
    let server = Endpoint::builder().serve(AccountServer::new(Hundred)).bind(addr).await?;
    println!("listening on {}", server.local_addr());
    tokio::signal::ctrl_c().await?;
    server.close(Duration::from_secs(3)).await;
    Ok(())
}

/// Makes about 20 calls per second, some of which return an error of the application.
async fn call(server: SocketAddr) -> Result<(), Box<dyn error::Error>> {
    let endpoint = Endpoint::bind("0.0.0.0:0").await?;
    let account = AccountClient::new(&endpoint, server);
    let calls = async {
        for cents in (0..).map(|number| number * 7 % 120) {
            let balance = account.balance().await;
            let withdrawn = account.withdraw(cents).await;
            if let (Err(CallError::Timeout { .. }), _) | (_, Err(CallError::Timeout { .. })) = (balance, withdrawn) {
                eprintln!("{server} does not respond");
            }
            tokio::time::sleep(Duration::from_millis(90)).await;
        }
    };
    tokio::select! {
        () = calls => Ok(()),
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
    }
}
