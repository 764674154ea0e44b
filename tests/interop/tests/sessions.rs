//! A Python peer joins an endpoint, is called back, and leaves: `examples/lobby.py`.

use std::time::Duration;

use rpcudp::session::{EndReason, SessionEvent, Sessions};
use rpcudp::{Context, Limits, rpc_service};
use rpcudp_interop::Venv;
use tokio::time::timeout;

rpcudp_interop::for_package!(rpcudp_5_0_1, Rpcudp5: python_joins_is_called_back_and_leaves);

/// The contract of `examples/lobby.rs`, as far as `examples/lobby.py` calls it.
#[rpc_service]
trait Lobby {
    #[rpc(session, at_most_once)]
    async fn say(&self, cx: &Context, text: String) -> usize;
}

#[rpc_service]
trait Events {
    #[rpc(oneway)]
    fn said(&self, name: &str, text: &str);
}

struct Game;

impl Lobby for Game {
    async fn say(&self, cx: &Context, text: String) -> usize {
        let sessions = cx.endpoint().sessions();
        let mut all = sessions.group::<EventsClient>().said(cx.session().unwrap().data::<String>(), &text).all();
        while all.next().await.is_some() {}
        sessions.len()
    }
}

async fn python_joins_is_called_back_and_leaves(venv: &Venv) {
    // With the limits of a network, so that the server wants a token first.
    let sessions = Sessions::new().capacity(5).on_join(|_| Ok("the player".to_owned()));
    let builder = venv.endpoint().limits(Limits::default().limit_loopback(true)).sessions(sessions);
    let server = builder.serve(LobbyServer::new(Game)).bind("127.0.0.1:0").await.unwrap();
    let mut events = server.sessions().events();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/lobby.py");
    let printed = venv.run_script(script, &[&server.local_addr().to_string()]).await;
    let expected = "joined, at position 0, for 10 s
kept: True, at position 0
1 players heard it
heard the player: Hello from Python
left: True
";
    let mut lines: Vec<_> = printed.lines().collect();
    let mut expected: Vec<_> = expected.lines().collect();
    // The call back may arrive before the response.
    lines.sort_unstable();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    let mut next = async || timeout(Duration::from_secs(5), events.next()).await.unwrap().unwrap();
    assert!(matches!(next().await, SessionEvent::Joined(_)));
    let ended = next().await;
    assert!(matches!(&ended, SessionEvent::Ended { reason: EndReason::Left, .. }), "{ended:?}");
    assert_eq!(server.stats().sessions.challenged, 1);
}
