//! A game's lobby: five players at once, others in line, events to all of them, and one operator.
//!
//!     cargo run --example lobby                           plays a game in one process
//!     cargo run --example lobby -- 127.0.0.1:7000         serves, for `examples/lobby.py` too
//!     cargo run --example lobby -- 127.0.0.1:7000 Ada     joins, and says each line of its input

use std::error::Error;
use std::io::BufRead;
use std::thread;
use std::time::Duration;

use rpcudp::session::{SessionEvent, Sessions};
use rpcudp::{Context, Endpoint, Session, rpc_service};
use tokio::sync::mpsc;
use tokio::time::sleep;

#[rpc_service]
trait Lobby {
    /// Sends a line to all players. Returns their number.
    #[rpc(session, at_most_once)]
    async fn say(&self, cx: &Context, text: String) -> usize;
    /// Begins the game.
    #[rpc(session = "operator", at_most_once)]
    async fn start(&self, cx: &Context, game: u32);
}

/// The methods that the server calls at each player.
#[rpc_service]
trait Events {
    #[rpc(oneway)]
    fn said(&self, name: &str, text: &str);
    #[rpc(oneway)]
    fn started(&self, game: u32);
}

/// The server's data about a player.
struct Player {
    name: String,
}

struct Game;

impl Lobby for Game {
    async fn say(&self, cx: &Context, text: String) -> usize {
        let Some(member) = cx.session() else { return 0 };
        let server = cx.endpoint();
        let mut all = server.sessions().group::<EventsClient>().said(&member.data::<Player>().name, &text).all();
        while all.next().await.is_some() {}
        server.sessions().len()
    }

    async fn start(&self, cx: &Context, game: u32) {
        let mut all = cx.endpoint().sessions().group::<EventsClient>().started(game).all();
        while all.next().await.is_some() {}
    }
}

/// A player that prints what it hears.
struct Screen(String);

impl Events for Screen {
    fn said(&self, name: &str, text: &str) {
        println!("{} hears {name}: {text}", self.0);
    }
    fn started(&self, game: u32) {
        println!("{} plays game {game}", self.0);
    }
}

/// Binds a lobby.
async fn bind(addr: &str) -> Result<Endpoint, rpcudp::BindError> {
    let players = Sessions::new()
        .capacity(5)
        .queue(100)
        .lease(Duration::from_secs(10))
        .on_join(|member| Ok(Player { name: format!("player {}", member.addr().port()) }))
        .on_end(|member, reason| println!("{} is gone: {reason}", member.data::<Player>().name));
    let operator = Sessions::pool("operator").exclusive();
    Endpoint::builder().sessions(players).sessions(operator).serve(LobbyServer::new(Game)).bind(addr).await
}

/// Serves, and prints the comings and goings.
async fn serve(addr: &str) -> Result<(), Box<dyn Error>> {
    let server = bind(addr).await?;
    let mut events = server.sessions().events();
    println!("listening on {}", server.local_addr());
    while let Some(event) = events.next().await {
        let Some(member) = event.member() else { continue };
        let (name, session) = (&member.data::<Player>().name, member.id());
        match &event {
            SessionEvent::Joined(_) => println!("{name} has joined with session {session}"),
            SessionEvent::Moved { from, .. } => {
                println!("{name} has moved from {from} to {} with session {session}", member.addr());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Joins as a player, and says each line of the input.
async fn play(addr: &str, name: String) -> Result<(), Box<dyn Error>> {
    // Standard input blocks its reader.
    let (lines, mut said) = mpsc::channel(16);
    thread::spawn(move || {
        std::io::stdin().lock().lines().map_while(Result::ok).all(|line| lines.blocking_send(line).is_ok())
    });
    let endpoint = Endpoint::builder().serve(EventsServer::new(Screen(name.clone()))).bind("0.0.0.0:0").await?;
    let session = endpoint.join(addr.parse()?).require::<LobbyClient>().await?;
    let id = || session.id().map(|id| id.to_string()).unwrap_or_default();
    println!("{name} has joined with session {}", id());
    let lobby: LobbyClient = session.client();
    while let Some(line) = said.recv().await {
        match lobby.say(line).await {
            Ok(count) => println!("{count} players heard session {}", id()),
            Err(error) => println!("no player heard it: {error}"),
        }
    }
    session.leave().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (None, _) => play_a_game().await,
        (Some(addr), None) => serve(&addr).await,
        (Some(addr), Some(name)) => play(&addr, name).await,
    }
}

async fn play_a_game() -> Result<(), Box<dyn Error>> {
    let server = bind("127.0.0.1:0").await?;
    let addr = server.local_addr();

    let mut sessions = Vec::new();
    for name in ["Ada", "Bob", "Cleo", "Dan", "Eve"] {
        let endpoint = Endpoint::builder().serve(EventsServer::new(Screen(name.into()))).bind("127.0.0.1:0").await?;
        // The server must have the lobby as it is here.
        sessions.push(endpoint.join(addr).require::<LobbyClient>().await?);
    }
    let lobby: LobbyClient = sessions[0].client();
    println!("{} players heard it", lobby.say("Hello".into()).await?);

    // The lobby is full. Fay waits until a player leaves.
    let endpoint = Endpoint::builder().serve(EventsServer::new(Screen("Fay".into()))).bind("127.0.0.1:0").await?;
    let fay: Session = endpoint.join(addr).without_waiting().await?;
    println!("Fay waits in line, at position {}", fay.position());
    sessions.pop().ok_or("five players")?.leave().await;
    fay.turn().await?;

    // One operator at a time: the second is refused.
    let operator = Endpoint::bind("127.0.0.1:0").await?.join(addr).pool("operator").await?;
    let second = Endpoint::bind("127.0.0.1:0").await?.join(addr).pool("operator").await;
    println!("{}", second.err().ok_or("the seat is exclusive")?);
    operator.client::<LobbyClient>().start(7).await?;
    sleep(Duration::from_millis(50)).await;
    Ok(())
}
