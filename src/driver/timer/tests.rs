use std::task::Waker;

#[cfg(target_os = "linux")]
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::clock::now;

const SOON: Duration = Duration::from_millis(20);
const LATE: Duration = Duration::from_secs(600);

#[cfg(target_os = "linux")]
fn kernel_timer() -> Timer {
    let timer = KernelTimer::new().expect("a runtime of several threads has kernel timers");
    Timer { source: TimeSource::Kernel(timer), ..Timer::new() }
}

async fn fires(timer: &mut Timer, deadline: Instant) {
    timeout(2 * LATE, poll_fn(|cx| timer.poll(Some(deadline), cx))).await.expect("the timer fires");
}

fn is_pending(timer: &mut Timer, deadline: Option<Instant>) -> bool {
    timer.poll(deadline, &mut Context::from_waker(Waker::noop())).is_pending()
}

async fn behaves_as_a_timer(mut timer: Timer) {
    assert!(timer.is_off() && is_pending(&mut timer, None));
    let deadline = now() + SOON;
    fires(&mut timer, deadline).await;
    assert!(now() >= deadline);
    assert!(timer.is_off(), "it has fired");

    let late = now() + LATE;
    assert!(is_pending(&mut timer, Some(late)) && !timer.is_off());
    assert!(is_pending(&mut timer, None) && !timer.is_off(), "it stays set");

    // An earlier deadline, and another task to wake.
    timer.unregister();
    let earlier = now() + SOON;
    fires(&mut timer, earlier).await;
    assert!(now() >= earlier);

    // `is_off` is called before the poll and must not lose the event.
    assert!(is_pending(&mut timer, Some(now() + SOON)));
    sleep(3 * SOON).await;
    while !timer.is_off() {
        sleep(SOON).await;
    }
    assert!(timer.is_off() && !is_pending(&mut timer, Some(late)));

    // Deadlines that have passed.
    fires(&mut timer, now()).await;
    fires(&mut timer, deadline).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tokio_timer_fires_at_its_deadline() {
    behaves_as_a_timer(Timer::new()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_kernel_timer_fires_at_its_deadline() {
    behaves_as_a_timer(kernel_timer()).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_is_followed() {
    fires(&mut Timer::beside_sockets(), now() + LATE).await;
    behaves_as_a_timer(Timer::beside_sockets()).await;
}

/// The runtime may report an event of an earlier deadline from another worker. No wake-up may be
/// lost by that.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_while_deadlines_move() {
    let mut timers = JoinSet::new();
    for number in 0..32_u64 {
        timers.spawn(async move {
            let mut timer = kernel_timer();
            for round in 0..600 {
                let deadline = now() + Duration::from_micros(200 + (number * 7 + round * 13) % 1_500);
                // Moved to an earlier time, as by a call with a shorter timeout.
                assert!(is_pending(&mut timer, Some(deadline + LATE)));
                timer.unregister();
                let fired = timeout(Duration::from_secs(30), poll_fn(|cx| timer.poll(Some(deadline), cx)));
                fired.await.expect("the timer fires");
            }
        });
    }
    timers.join_all().await;
}
