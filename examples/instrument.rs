//! Exclusive access to an instrument: one user at a time, the others in a fair line, and the
//! shutter closes when its user is gone, however that happens.
//!
//!     cargo run --example instrument

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rpcudp::session::{EndReason, SessionState, Sessions};
use rpcudp::{CallError, Context, Endpoint, Refusal, Session, rpc_service};
use tokio::time::sleep;

#[rpc_service]
trait Spectrometer {
    /// Everybody may look.
    #[rpc(at_least_once)]
    fn is_open(&self) -> bool;
    /// Opens the shutter, and measures.
    #[rpc(session, at_most_once)]
    async fn measure(&self, cx: &Context, millis: u64) -> f64;
}

#[derive(Clone, Default)]
struct Instrument {
    shutter: Arc<AtomicBool>,
}

impl Spectrometer for Instrument {
    fn is_open(&self) -> bool {
        self.shutter.load(Ordering::Relaxed)
    }

    async fn measure(&self, cx: &Context, millis: u64) -> f64 {
        let user = cx.session().map(|member| member.id().to_string());
        self.shutter.store(true, Ordering::Relaxed);
        sleep(Duration::from_millis(millis)).await;
        println!("measured for {}", user.unwrap_or_default());
        532.1
    }
}

/// Waits for the instrument, uses it, and leaves.
async fn work(name: &'static str, mut session: Session) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    loop {
        match session.state() {
            SessionState::Waiting { position } => println!("{name} is number {position} in line"),
            SessionState::Member => break,
            state => println!("{name}: {state:?}"),
        }
        session.changed().await.ok_or("the session has ended")?;
    }
    let instrument: SpectrometerClient = session.client();
    println!("{name} has it: {} nm", instrument.measure(20).await?);
    session.leave().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let instrument = Instrument::default();
    let shutter = Arc::clone(&instrument.shutter);
    let users = Sessions::new().exclusive().queue(10).lease(Duration::from_secs(2)).on_end(move |_, reason| {
        shutter.store(false, Ordering::Relaxed);
        println!("the shutter is closed: {reason}");
    });
    let builder = Endpoint::builder().sessions(users).serve(SpectrometerServer::new(instrument));
    let server = builder.bind("127.0.0.1:0").await?;
    let addr = server.local_addr();

    // Calls without the instrument's session are refused, except those that need none.
    let visitor = Endpoint::bind("127.0.0.1:0").await?;
    let view = SpectrometerClient::new(&visitor, addr);
    let refused = view.measure(20).await;
    assert!(matches!(refused, Err(CallError::Refused { reason: Refusal::NoSession, .. })));
    println!("the shutter is open: {}", view.is_open().await?);

    let mut users = Vec::new();
    for name in ["Ada", "Bob", "Cleo"] {
        let endpoint = Endpoint::bind("127.0.0.1:0").await?;
        users.push(tokio::spawn(work(name, endpoint.join(addr).without_waiting().await?)));
    }
    for user in users {
        user.await??;
    }

    // A user whose time is over is evicted, and learns why.
    let session = Endpoint::bind("127.0.0.1:0").await?.join(addr).await?;
    let id = session.id().ok_or("a member has an id")?;
    server.sessions().evict(id, "your hour is over");
    assert_eq!(session.ended().await, EndReason::Evicted("your hour is over".into()));
    println!("the shutter is open: {}", view.is_open().await?);
    Ok(())
}
