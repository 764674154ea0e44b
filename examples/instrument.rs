//! Exclusive access to an instrument: one user at a time, the others in a fair line, and the
//! shutter closes when its user is gone, however that happens.
//!
//!     cargo run --example instrument                           all of it in one process
//!     cargo run --example instrument -- 127.0.0.1:7000         serves
//!     cargo run --example instrument -- 127.0.0.1:7000 Ada     measures for each line of input

use std::error::Error;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rpcudp::session::{EndReason, SessionEvent, SessionState, Sessions};
use rpcudp::{CallError, Context, Endpoint, Refusal, Session, rpc_service};
use tokio::sync::mpsc;
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

/// Binds the server of an instrument.
async fn bind(addr: &str, instrument: Instrument) -> Result<Endpoint, rpcudp::BindError> {
    let shutter = Arc::clone(&instrument.shutter);
    let users = Sessions::new().exclusive().queue(10).lease(Duration::from_secs(2)).on_end(move |_, reason| {
        shutter.store(false, Ordering::Relaxed);
        println!("the shutter is closed: {reason}");
    });
    Endpoint::builder().sessions(users).serve(SpectrometerServer::new(instrument)).bind(addr).await
}

/// Waits for the instrument.
async fn wait_for_turn(name: &str, session: &mut Session) -> Result<(), Box<dyn Error + Send + Sync>> {
    loop {
        match session.state() {
            SessionState::Waiting { position } => println!("{name} is number {position} in line"),
            SessionState::Member => return Ok(()),
            state => println!("{name}: {state:?}"),
        }
        session.changed().await.ok_or("the session has ended")?;
    }
}

/// Waits for the instrument, uses it, and leaves.
async fn work(name: &'static str, mut session: Session) -> Result<(), Box<dyn Error + Send + Sync>> {
    wait_for_turn(name, &mut session).await?;
    let instrument: SpectrometerClient = session.client();
    println!("{name} has it: {} nm", instrument.measure(20).await?);
    session.leave().await;
    Ok(())
}

/// Prints the comings and goings until the program is stopped.
async fn serve(addr: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    let server = bind(addr, Instrument::default()).await?;
    let mut events = server.sessions().events();
    println!("listening on {}", server.local_addr());
    while let Some(event) = events.next().await {
        let Some(member) = event.member() else { continue };
        match &event {
            SessionEvent::Joined(_) => println!("{} has session {}", member.addr(), member.id()),
            SessionEvent::Moved { from, .. } => println!("{from} is {} with session {}", member.addr(), member.id()),
            _ => {}
        }
    }
    Ok(())
}

/// Waits for the instrument, and measures once for each line of the input.
async fn measure(addr: &str, name: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    // Standard input blocks its reader.
    let (lines, mut orders) = mpsc::channel(16);
    thread::spawn(move || {
        std::io::stdin().lock().lines().map_while(Result::ok).all(|line| lines.blocking_send(line).is_ok())
    });
    let endpoint = Endpoint::bind("0.0.0.0:0").await?;
    let mut session = endpoint.join(addr.parse()?).without_waiting().await?;
    wait_for_turn(name, &mut session).await?;
    let id = || session.id().map(|id| id.to_string()).unwrap_or_default();
    println!("{name} has it with session {}", id());
    let instrument: SpectrometerClient = session.client();
    while orders.recv().await.is_some() {
        match instrument.measure(20).await {
            Ok(nanometers) => println!("{nanometers} nm for session {}", id()),
            Err(error) => println!("no measurement: {error}"),
        }
    }
    session.leave().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (None, _) => take_turns().await,
        (Some(addr), None) => serve(&addr).await,
        (Some(addr), Some(name)) => measure(&addr, &name).await,
    }
}

async fn take_turns() -> Result<(), Box<dyn Error + Send + Sync>> {
    let server = bind("127.0.0.1:0", Instrument::default()).await?;
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
