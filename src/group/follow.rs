use std::future::{Future, poll_fn};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::runtime;

use super::members::Members;
use super::peer_source::PeerSource;
use super::peers::Peers;
use super::shared::GroupShared;

/// Creates a group, applies the changes that its source has ready, and spawns a task for the
/// others, unless the source has ended. `seed` makes the choices of peers repeatable.
pub(crate) fn follow(mut peers: Peers, seed: u64, runtime: &runtime::Handle) -> Arc<GroupShared> {
    let group = Arc::new(GroupShared::new(peers.name().into(), seed));
    // The source may need the runtime's timers and sockets.
    let _entered = runtime.enter();
    let mut cx = Context::from_waker(Waker::noop());
    // A source without an end must not hold up its caller.
    for _ in 0..=2 * Members::MAX_COUNT {
        match peers.poll_change(&mut cx) {
            Poll::Ready(Some(change)) => group.apply(change),
            Poll::Ready(None) => {
                group.end_of_source();
                return group;
            }
            Poll::Pending => break,
        }
    }
    let task = runtime.spawn(follow_changes(peers, Arc::downgrade(&group)));
    group.set_task(task.abort_handle());
    group
}

fn follow_changes(mut peers: Peers, group: Weak<GroupShared>) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        loop {
            let Poll::Ready(change) = peers.poll_change(cx) else { return Poll::Pending };
            let Some(group) = group.upgrade() else { return Poll::Ready(()) };
            match change {
                Some(change) => group.apply(change),
                None => {
                    group.end_of_source();
                    return Poll::Ready(());
                }
            }
        }
    })
}
