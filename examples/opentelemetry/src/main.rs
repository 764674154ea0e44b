//! Prints the trace of an order, from the caller over the shop to the stock.
//!
//!     cargo run -p rpcudp-opentelemetry
//!
//! All three are in one program here. `tests/trace.rs` has them apart.

use std::error::Error;
use std::time::Duration;

use rpcudp::Endpoint;
use rpcudp_opentelemetry::{Apples, CornerShop, ShopClient, ShopServer, StockServer, subscriber, tree};
use tracing::Instrument;
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (subscriber, exporter) = subscriber("shop");
    subscriber.try_init()?;
    let stock = Endpoint::builder().serve(StockServer::new(Apples)).bind("127.0.0.1:0").await?;
    let shop = CornerShop { stock: stock.local_addr() };
    let shop = Endpoint::builder().serve(ShopServer::new(shop)).bind("127.0.0.1:0").await?;
    let caller = Endpoint::bind("127.0.0.1:0").await?;

    let client = ShopClient::new(&caller, shop.local_addr());
    let order = client.order("apple".into()).into_future();
    let order = order.instrument(tracing::info_span!("checkout"));
    let left = order.await.map_err(|error| error.to_string())?;
    println!("{left} apples are left");

    // A request's span ends after its response was sent.
    for endpoint in [caller, shop, stock] {
        endpoint.close(Duration::from_secs(1)).await;
    }
    tree(&exporter.get_finished_spans()?).iter().for_each(|line| println!("{line}"));
    Ok(())
}
