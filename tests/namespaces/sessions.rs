//! Sessions through a router with network address translation whose mappings are dropped.

use std::io;
use std::process::Command;
use std::time::Duration;

use rpcudp::session::{SessionEvent, SessionState, Sessions};
use rpcudp::{Context, Endpoint, Session, rpc_service};
use tokio::time::{Instant, sleep, timeout};

use crate::host::Host;
use crate::print_skipped;
use crate::support::ms;

#[rpc_service]
trait Lobby {
    #[rpc(session, at_least_once)]
    fn whoami(&self, cx: &Context) -> String;
    #[rpc(session = "instrument", at_least_once)]
    fn measure(&self, cx: &Context) -> String;
}

struct Game;

impl Lobby for Game {
    fn whoami(&self, cx: &Context) -> String {
        cx.session().map_or_else(String::new, |member| member.id().to_string())
    }
    fn measure(&self, cx: &Context) -> String {
        self.whoami(cx)
    }
}

/// A router that masquerades the hosts behind it.
struct Router(Host);

impl Router {
    const OUTER: &str = "outer";

    /// Makes a member's host, a router and a server's host.
    fn between() -> io::Result<(Host, Self, Host)> {
        let [member, router, server] = [Host::new()?, Host::new()?, Host::new()?];
        member.link(&router, "inner", 1_500)?;
        router.link(&server, Self::OUTER, 1_500)?;
        member.add_addr_to("10.1.0.2/24", "inner");
        router.add_addr_to("10.1.0.1/24", "inner");
        router.add_addr_to("10.2.0.1/24", Self::OUTER);
        server.add_addr_to("10.2.0.2/24", Self::OUTER);
        member.run_ip("route add default via 10.1.0.1");
        router.enable_forwarding()?;
        let router = Self(router);
        router.nft("add table ip nat")?;
        router.nft("add chain ip nat post { type nat hook postrouting priority 100 ; }")?;
        // Each mapping gets a port at random.
        router.nft("add rule ip nat post oifname \"outer\" masquerade random")?;
        Ok((member, router, server))
    }

    fn nft(&self, command: &str) -> io::Result<()> {
        let output = self.0.inside(|| Command::new("nft").arg(command).output());
        let output = output.map_err(|error| io::Error::new(error.kind(), "the program `nft` is not installed"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("`nft {command}`: {}", String::from_utf8_lossy(&output.stderr).trim_end())))
    }

    /// Drops all mappings: masquerading forgets those of a network card that goes down.
    fn drop_mappings(&self) {
        self.0.run_ip("link set outer down");
        self.0.run_ip("link set outer up");
    }
}

/// Calls until a response arrives, for a few leases at most.
async fn call_until_success(session: &Session) -> String {
    let started = Instant::now();
    loop {
        let lobby: LobbyClient = session.client();
        let called = if session.pool().is_empty() { lobby.whoami().await } else { lobby.measure().await };
        match called {
            Ok(id) => return id,
            Err(error) => assert!(started.elapsed() < Duration::from_secs(30), "{error}"),
        }
        sleep(ms(50)).await;
    }
}

#[tokio::test]
async fn sessions_go_on_under_their_ids_when_a_router_drops_its_mappings() {
    let (member_host, router, server_host) = match Router::between() {
        Ok(hosts) => hosts,
        Err(error) => return print_skipped(&error),
    };
    // A member of a lobby, and the user of an instrument.
    let lobby = Sessions::new().capacity(5).queue(100).lease(Duration::from_secs(3));
    let instrument = Sessions::pool("instrument").exclusive().queue(5).lease(Duration::from_secs(3));
    let builder = Endpoint::builder().sessions(lobby).sessions(instrument).serve(LobbyServer::new(Game));
    let server = server_host.bind(builder, "10.2.0.2:7000");
    let endpoint = member_host.bind(Endpoint::builder(), "10.1.0.2:0");
    let sessions = [
        endpoint.join(server.local_addr()).await.unwrap(),
        endpoint.join(server.local_addr()).pool("instrument").await.unwrap(),
    ];
    let ids = sessions.each_ref().map(|session| session.id().unwrap());
    let members = [server.sessions().get(ids[0]).unwrap(), server.sessions().pool("instrument").get(ids[1]).unwrap()];
    let mut events = [server.sessions().events(), server.sessions().pool("instrument").events()];
    for _ in 0..3 {
        let before = members.each_ref().map(|member| member.addr());
        assert_eq!(before[0].ip().to_string(), "10.2.0.1", "the address of the router");
        router.drop_mappings();
        // The kernel drops them a moment later, and the next request of each session moves it.
        for events in &mut events {
            let event = timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap();
            assert!(matches!(event, SessionEvent::Moved { .. }), "{event:?}");
        }
        for (session, id) in sessions.iter().zip(ids) {
            assert_eq!(call_until_success(session).await, id.to_string());
            assert_eq!((session.id(), session.state()), (Some(id), SessionState::Member));
        }
        let after = members.each_ref().map(|member| member.addr());
        assert!(before[0] != after[0] && after[0] == after[1], "{before:?} {after:?}");
    }
    let stats = server.stats().sessions;
    assert_eq!((stats.joined, stats.ended), (2, 0));
}
