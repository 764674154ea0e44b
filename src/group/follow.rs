use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use tokio::runtime;

use super::members::Members;
use super::peer_source::PeerSource;
use super::peers::Peers;
use super::shared::GroupShared;
use crate::links::endpoint_links::EndpointLinks;

/// Creates a group, applies the changes that its source has ready, and spawns a task for the
/// others, unless the source has ended. `seed` makes the choices of peers repeatable. `links` are
/// those of the endpoint.
pub(crate) fn follow(
    mut peers: Peers,
    seed: u64,
    runtime: &runtime::Handle,
    links: Option<Arc<EndpointLinks>>,
) -> Arc<GroupShared> {
    let group = Arc::new(GroupShared::new(peers.name().into(), seed, links));
    // The source may need the runtime's timers and sockets.
    let _entered = runtime.enter();
    let mut cx = Context::from_waker(Waker::noop());
    if apply_ready(&mut peers, &group, &mut cx).is_continue() {
        let task = runtime.spawn(follow_changes(peers, Arc::downgrade(&group)));
        group.set_task(task.abort_handle());
    }
    group
}

/// Applies the changes that the source has ready, and publishes them. Breaks if the source has
/// ended.
fn apply_ready(peers: &mut Peers, group: &GroupShared, cx: &mut Context<'_>) -> ControlFlow<()> {
    // A source without an end must not hold up its caller.
    for count in 0..=2 * Members::MAX_COUNT {
        match peers.poll_change(cx) {
            Poll::Ready(Some(change)) => group.apply(change),
            Poll::Ready(None) => {
                group.publish();
                return ControlFlow::Break(());
            }
            Poll::Pending => {
                if count > 0 {
                    group.publish();
                }
                return ControlFlow::Continue(());
            }
        }
    }
    group.publish();
    cx.waker().wake_by_ref();
    ControlFlow::Continue(())
}

fn follow_changes(mut peers: Peers, group: Weak<GroupShared>) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        let Some(group) = group.upgrade() else { return Poll::Ready(()) };
        match apply_ready(&mut peers, &group, cx) {
            ControlFlow::Break(()) => Poll::Ready(()),
            ControlFlow::Continue(()) => Poll::Pending,
        }
    })
}
