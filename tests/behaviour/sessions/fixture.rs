//! A lobby and its players on a simulated network.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::session::{EndReason, SessionId, Sessions};
use rpcudp::sim::Network;
use rpcudp::{Context, Endpoint, Session, rpc_service};

use crate::support::{SERVER, bind};

#[rpc_service]
pub(crate) trait Lobby {
    fn open(&self) -> u8;
    /// Returns the number of the caller's data.
    #[rpc(session, at_least_once)]
    fn number(&self, cx: &Context) -> u32;
    #[rpc(session, at_most_once)]
    async fn say(&self, cx: &Context, text: String) -> usize;
    #[rpc(session = "operator")]
    fn operate(&self, cx: &Context) -> String;
    #[rpc(at_least_once)]
    fn whoami(&self, cx: &Context) -> Option<String>;
}

#[rpc_service]
pub(crate) trait Events {
    #[rpc(oneway)]
    fn started(&self, game: u32);
    #[rpc(at_least_once)]
    fn name(&self) -> String;
}

/// The data of a player.
pub(crate) struct Player {
    pub(crate) number: u32,
}

#[derive(Default)]
pub(crate) struct Game {
    pub(crate) said: Mutex<Vec<String>>,
}

impl Lobby for Game {
    fn open(&self) -> u8 {
        7
    }
    fn number(&self, cx: &Context) -> u32 {
        cx.session().unwrap().data::<Player>().number
    }
    async fn say(&self, cx: &Context, text: String) -> usize {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(cx.session().unwrap().pool(), "");
        let mut said = self.said.lock().unwrap();
        said.push(text);
        said.len()
    }
    fn operate(&self, cx: &Context) -> String {
        cx.session().unwrap().pool().to_owned()
    }
    fn whoami(&self, cx: &Context) -> Option<String> {
        cx.session().map(|member| member.id().to_string())
    }
}

/// A player that is called back.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) games: Arc<Mutex<Vec<u32>>>,
}

impl Events for Listener {
    fn started(&self, game: u32) {
        self.games.lock().unwrap().push(game);
    }
    fn name(&self) -> String {
        self.name.clone()
    }
}

/// The calls of hooks, in order.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) log: Arc<Mutex<Vec<Hook>>>,
    count: Arc<AtomicU32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Joined(SessionId),
    Ended(SessionId, EndReason),
}

impl Hooks {
    /// Adds hooks that number the players.
    pub(crate) fn watch(&self, sessions: Sessions) -> Sessions {
        let (join, end) = (self.clone(), self.clone());
        sessions
            .on_join(move |member| {
                join.log.lock().unwrap().push(Hook::Joined(member.id()));
                Ok(Player { number: join.count.fetch_add(1, Ordering::Relaxed) + 1 })
            })
            .on_end(move |member, reason| {
                end.log.lock().unwrap().push(Hook::Ended(member.id(), reason.clone()));
            })
    }

    pub(crate) fn take(&self) -> Vec<Hook> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// A lobby at [`SERVER`], with hooks.
pub(crate) struct Scene {
    pub(crate) network: Network,
    pub(crate) server: Endpoint,
    pub(crate) hooks: Hooks,
}

impl Scene {
    pub(crate) fn new(seed: u64, sessions: Sessions) -> Self {
        Self::on(Network::new(seed), sessions)
    }

    pub(crate) fn on(network: Network, sessions: Sessions) -> Self {
        let hooks = Hooks::default();
        let server = serve(&network, hooks.watch(sessions));
        Self { network, server, hooks }
    }

    /// Binds an endpoint for a player.
    pub(crate) fn player(&self, number: u8) -> Endpoint {
        bind(&self.network, addr(number), Endpoint::builder())
    }

    /// Joins from a new endpoint.
    pub(crate) async fn join(&self, number: u8) -> Session {
        self.player(number).join(server_addr()).await.unwrap()
    }
}

pub(crate) fn serve(network: &Network, sessions: Sessions) -> Endpoint {
    let operator = Sessions::pool("operator").exclusive();
    let builder = Endpoint::builder().sessions(sessions).sessions(operator).serve(LobbyServer::new(Game::default()));
    bind(network, SERVER, builder)
}

pub(crate) fn server_addr() -> SocketAddr {
    SERVER.parse().unwrap()
}

pub(crate) fn addr(number: u8) -> SocketAddr {
    ([10, 0, 1, number], 7_000).into()
}

pub(crate) fn lobby(session: &Session) -> LobbyClient {
    session.client()
}
