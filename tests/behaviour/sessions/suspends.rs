//! Machines that are suspended, with clocks that jump when they wake.
//!
//! Each machine has a runtime of its own in virtual time, and they run in turns. One that is
//! suspended has no turn, and its clock jumps by that time when it wakes.

use std::cell::Cell;
use std::time::Duration;

use rpcudp::session::{EndReason, Rejoin, SessionState, Sessions};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, Session};
use tokio::runtime::Runtime;
use tokio::time::{Instant, advance, sleep, sleep_until};

use super::fixture::{Hook, Hooks, addr, lobby, serve, server_addr};
use crate::support::{bind, ms, paused_runtime, seeds};

const LEASE: Duration = Duration::from_secs(10);

/// A server's machine and a member's.
struct Machines {
    server: Runtime,
    member: Runtime,
    /// The time to which all clocks are set.
    now: Cell<Instant>,
    network: Network,
    hooks: Hooks,
    endpoint: Endpoint,
}

impl Machines {
    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).loss(0.1));
        let (server, member, hooks) = (paused_runtime(), paused_runtime(), Hooks::default());
        let endpoint = server.block_on(async { serve(&network, hooks.watch(Sessions::new().lease(LEASE))) });
        let now = Cell::new(Instant::now() + ms(10));
        Self { server, member, now, network, hooks, endpoint }
    }

    /// Lets machines run for a time, in turns of a few milliseconds.
    fn run(&self, machines: &[&Runtime], time: Duration) {
        const TURN: Duration = ms(5);
        let end = self.now.get() + time;
        while self.now.get() < end {
            self.now.set(self.now.get() + TURN);
            machines.iter().for_each(|machine| machine.block_on(async { sleep_until(self.now.get()).await }));
        }
    }

    fn run_both(&self, time: Duration) {
        self.run(&[&self.member, &self.server], time);
    }

    /// Suspends a machine, while another one runs, and wakes it.
    fn suspend(&self, machine: &Runtime, other: &Runtime, time: Duration) {
        self.run(&[other], time);
        machine.block_on(async { advance(self.now.get() - Instant::now()).await });
    }

    /// Joins from the member's machine.
    fn join(&self, rejoin: Option<Rejoin>) -> Session {
        let joined = self.member.spawn({
            let network = self.network.clone();
            async move {
                let join = bind(&network, addr(1), Endpoint::builder()).join(server_addr());
                match rejoin {
                    Some(policy) => join.rejoin(policy).await.unwrap(),
                    None => join.await.unwrap(),
                }
            }
        });
        self.run_both(Duration::from_secs(8));
        self.member.block_on(joined).unwrap()
    }
}

#[test]
fn member_that_slept_longer_than_its_lease_learns_that_it_ended() {
    for seed in seeds(4) {
        let machines = Machines::new(seed);
        let session = machines.join(None);
        let id = session.id().unwrap();
        machines.suspend(&machines.member, &machines.server, LEASE * 6);
        assert_eq!(machines.hooks.take(), [Hook::Joined(id), Hook::Ended(id, EndReason::Expired)], "seed {seed}");
        machines.run_both(Duration::from_secs(6));
        assert_eq!(session.state(), SessionState::Ended(EndReason::Expired), "seed {seed}");
        machines.member.block_on(async { drop(session) });
    }
}

#[test]
fn member_that_slept_joins_again() {
    for seed in seeds(4) {
        let machines = Machines::new(seed);
        let session = machines.join(Some(Rejoin::new()));
        let id = session.id().unwrap();
        machines.suspend(&machines.member, &machines.server, LEASE * 6);
        machines.run_both(Duration::from_secs(15));
        assert_eq!(session.state(), SessionState::Member, "seed {seed}");
        assert_ne!(session.id(), Some(id), "seed {seed}");
        assert_eq!(machines.endpoint.sessions().len(), 1, "seed {seed}");
        machines.member.block_on(async { drop(session) });
    }
}

#[test]
fn short_sleep_does_not_end_a_session() {
    for seed in seeds(4) {
        let machines = Machines::new(seed);
        let session = machines.join(None);
        let id = session.id();
        machines.suspend(&machines.member, &machines.server, LEASE / 3);
        machines.run_both(Duration::from_secs(20));
        assert_eq!((session.id(), session.state()), (id, SessionState::Member), "seed {seed}");
        machines.member.block_on(async { drop(session) });
    }
}

#[test]
fn server_that_slept_ends_the_sessions_that_have_ended_themselves() {
    for seed in seeds(4) {
        let machines = Machines::new(seed);
        let session = machines.join(None);
        let id = session.id().unwrap();
        machines.suspend(&machines.server, &machines.member, LEASE * 6);
        assert_eq!(session.state(), SessionState::Ended(EndReason::Expired), "seed {seed}");
        // The requests that the member sent before that have waited in the server's socket.
        machines.run_both(LEASE + Duration::from_secs(1));
        assert_eq!(machines.hooks.take(), [Hook::Joined(id), Hook::Ended(id, EndReason::Expired)], "seed {seed}");
        machines.member.block_on(async { drop(session) });
    }
}

/// A server and a member on one machine, whose clock jumps beyond the lease of both.
#[tokio::test(start_paused = true)]
async fn session_goes_on_if_both_sides_slept() {
    for seed in seeds(4) {
        let scene = super::fixture::Scene::new(seed, Sessions::new().lease(LEASE));
        scene.network.set_conditions(Conditions::default().latency(ms(5)));
        let session = scene.join(1).await;
        let id = session.id().unwrap();
        for _ in 0..3 {
            sleep(ms(1_700)).await;
            advance(LEASE * 6).await;
            sleep(Duration::from_secs(1)).await;
            assert_eq!((session.id(), session.state()), (Some(id), SessionState::Member), "seed {seed}");
            assert_eq!(lobby(&session).number().await.unwrap(), 1, "seed {seed}");
        }
        assert_eq!(scene.hooks.take(), [Hook::Joined(id)], "seed {seed}");
    }
}
