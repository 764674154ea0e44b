use std::sync::Arc;
use std::time::Duration;

use super::roster::end_reason::EndReason;
use super::roster::hooks::Hooks;
use super::roster::member::{Data, Member};
use super::roster::pool::PoolLimits;

/// The settings of a pool of sessions, for [`Builder::sessions`](crate::Builder::sessions).
///
/// A session is a lease that a peer holds at an endpoint. The peer takes it with
/// [`Endpoint::join`](crate::Endpoint::join), and it ends when the peer leaves or falls silent,
/// when the server evicts the peer, or when one of both closes. An endpoint has a default pool, or
/// pools with names, or both; each has its own members, line and lease.
///
/// ```
/// use std::time::Duration;
///
/// use rpcudp::session::Sessions;
/// use rpcudp::{Context, Endpoint, rpc_service};
///
/// #[rpc_service]
/// trait Lobby {
///     #[rpc(session)]
///     fn whoami(&self, cx: &Context) -> u32;
/// }
///
/// struct Player {
///     number: u32,
/// }
///
/// struct Game;
///
/// impl Lobby for Game {
///     fn whoami(&self, cx: &Context) -> u32 {
///         cx.session().map_or(0, |member| member.data::<Player>().number)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let players = Sessions::new()
///     .capacity(5)
///     .queue(100)
///     .lease(Duration::from_secs(10))
///     .on_join(|_member| Ok(Player { number: 7 }))
///     .on_end(|member, reason| println!("{} is gone: {reason}", member.id()));
/// let server = Endpoint::builder().sessions(players).serve(LobbyServer::new(Game)).bind("127.0.0.1:0").await?;
///
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// let session = endpoint.join(server.local_addr()).await?;
/// let lobby: LobbyClient = session.client();
/// assert_eq!(lobby.whoami().await?, 7);
/// session.leave().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a pool takes effect when it is passed to `Builder::sessions`"]
pub struct Sessions {
    pub(crate) limits: PoolLimits,
    pub(crate) hooks: Hooks,
}

impl Sessions {
    const DEFAULT_CAPACITY: usize = 1_024;
    const DEFAULT_LEASE: Duration = Duration::from_secs(10);

    /// The shortest lease: a few round trips around the world.
    const MIN_LEASE: Duration = Duration::from_secs(1);
    const MAX_LEASE: Duration = Duration::from_secs(24 * 60 * 60);

    /// Returns the default pool with default settings.
    pub fn new() -> Self {
        Self::pool("")
    }

    /// Returns a pool with a name, for example for an exclusive seat beside the default pool.
    ///
    /// ```
    /// use rpcudp::Endpoint;
    /// use rpcudp::session::Sessions;
    ///
    /// let builder =
    ///     Endpoint::builder().sessions(Sessions::new().capacity(5)).sessions(Sessions::pool("operator").exclusive());
    /// ```
    pub fn pool(name: impl Into<Arc<str>>) -> Self {
        let limits =
            PoolLimits { name: name.into(), capacity: Self::DEFAULT_CAPACITY, queue: 0, lease: Self::DEFAULT_LEASE };
        Self { limits, hooks: Hooks::default() }
    }

    /// Sets the largest number of members. Default: 1,024.
    ///
    /// With the feature `secure`, members may join over links, of which an endpoint keeps 1,024 by
    /// default (`LinkOptions::max_links`). With more such members, each request of one whose link
    /// was closed opens another.
    pub fn capacity(mut self, count: usize) -> Self {
        self.limits.capacity = count;
        self
    }

    /// Sets the capacity to one: the member has exclusive access. Others wait if there is a
    /// [`queue`](Self::queue), and are refused if not.
    pub fn exclusive(self) -> Self {
        self.capacity(1)
    }

    /// Sets the largest number of peers that wait in line for a place. Default: 0, a full pool
    /// refuses.
    ///
    /// The line is fair: a place goes to the peer that has waited longest. Each peer learns its
    /// position. A peer that falls silent for the lease loses its place in line.
    pub fn queue(mut self, count: usize) -> Self {
        self.limits.queue = count;
        self
    }

    /// Sets the time after which a silent peer's session ends. Default: 10 s. At least 1 s, and at
    /// most a day.
    ///
    /// Peers keep their sessions alive by themselves, with a request in each half of this time. A
    /// peer that does not reach the server ends its session before the server does, so that no two
    /// peers believe that they have one exclusive place.
    ///
    /// On Linux, the clock that leases use stands still while a computer is suspended. A peer that
    /// wakes takes itself for a member until its next request or call, at most half of this time
    /// later, although the server may have ended its session. The server refuses its calls then;
    /// if the server's computer was suspended, its leases are longer by that time.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.limits.lease = lease.clamp(Self::MIN_LEASE, Self::MAX_LEASE);
        self
    }

    /// Sets the hook that runs when a peer's turn has come: it makes the session's
    /// [data](Member::data), or refuses the peer with a text of up to 200 bytes. Default: every
    /// peer is let in, with `()` as data.
    ///
    /// The hook runs on the receive loop, so it must not block. No two hooks of an endpoint run at
    /// the same time. A panic refuses the peer.
    pub fn on_join<T: Send + Sync + 'static>(
        mut self,
        hook: impl Fn(&Member) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        self.hooks.on_join = Some(Box::new(move |member| hook(member).map(|data| Arc::new(data) as Data)));
        self
    }

    /// Sets the hook that runs once for each member when its session has ended.
    ///
    /// Like the other hook, it must not block, and runs alone. Peers that have not become members
    /// cause no call.
    pub fn on_end(mut self, hook: impl Fn(&Member, &EndReason) + Send + Sync + 'static) -> Self {
        self.hooks.on_end = Some(Box::new(hook));
        self
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}
