//! A game's lobby: five players at once, others in line, events to all of them, and one operator.
//!
//!     cargo run --example lobby                       plays a game in one process
//!     cargo run --example lobby -- 127.0.0.1:7000     serves, for `examples/lobby.py` too

use std::time::Duration;

use rpcudp::session::{SessionEvent, Sessions};
use rpcudp::{Context, Endpoint, Session, rpc_service};
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
struct Screen(&'static str);

impl Events for Screen {
    fn said(&self, name: &str, text: &str) {
        println!("{} hears {name}: {text}", self.0);
    }
    fn started(&self, game: u32) {
        println!("{} plays game {game}", self.0);
    }
}

async fn serve(addr: &str) -> Result<Endpoint, rpcudp::BindError> {
    let players = Sessions::new()
        .capacity(5)
        .queue(100)
        .lease(Duration::from_secs(10))
        .on_join(|member| Ok(Player { name: format!("player {}", member.addr().port()) }))
        .on_end(|member, reason| println!("{} is gone: {reason}", member.data::<Player>().name));
    let operator = Sessions::pool("operator").exclusive();
    Endpoint::builder().sessions(players).sessions(operator).serve(LobbyServer::new(Game)).bind(addr).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(addr) = std::env::args().nth(1) {
        let server = serve(&addr).await?;
        println!("listening on {}", server.local_addr());
        let mut events = server.sessions().events();
        while let Some(event) = events.next().await {
            if let SessionEvent::Joined(member) = event {
                println!("{} has joined", member.data::<Player>().name);
            }
        }
        return Ok(());
    }
    let server = serve("127.0.0.1:0").await?;
    let addr = server.local_addr();

    let mut sessions = Vec::new();
    for name in ["Ada", "Bob", "Cleo", "Dan", "Eve"] {
        let endpoint = Endpoint::builder().serve(EventsServer::new(Screen(name))).bind("127.0.0.1:0").await?;
        // The server must have the lobby as it is here.
        sessions.push(endpoint.join(addr).require::<LobbyClient>().await?);
    }
    let lobby: LobbyClient = sessions[0].client();
    println!("{} players heard it", lobby.say("Hello".into()).await?);

    // The lobby is full. Fay waits until a player leaves.
    let endpoint = Endpoint::builder().serve(EventsServer::new(Screen("Fay"))).bind("127.0.0.1:0").await?;
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
