use std::task::Waker;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::endpoint::shared::now;

const SOON: Duration = Duration::from_millis(20);
const LATE: Duration = Duration::from_secs(600);

#[cfg(target_os = "linux")]
fn by_the_kernel() -> Alarm {
    let timer = KernelTimer::new().expect("a timer and a runtime of several threads");
    Alarm { timer: Timer::Kernel(timer), ..Alarm::new() }
}

async fn rings(alarm: &mut Alarm, next: Instant) {
    timeout(2 * LATE, poll_fn(|cx| alarm.poll(Some(next), cx))).await.expect("it rings");
}

fn is_silent(alarm: &mut Alarm, next: Option<Instant>) -> bool {
    alarm.poll(next, &mut Context::from_waker(Waker::noop())).is_pending()
}

async fn does_what_an_alarm_does(mut alarm: Alarm) {
    assert!(alarm.is_off() && is_silent(&mut alarm, None));
    let next = now() + SOON;
    rings(&mut alarm, next).await;
    assert!(now() >= next);
    assert!(alarm.is_off(), "it has rung");

    let late = now() + LATE;
    assert!(is_silent(&mut alarm, Some(late)) && !alarm.is_off());
    assert!(is_silent(&mut alarm, None) && !alarm.is_off(), "it stays set");

    // Earlier than it knew, and whoever is to be woken is another by now.
    alarm.unset();
    let earlier = now() + SOON;
    rings(&mut alarm, earlier).await;
    assert!(now() >= earlier);

    // Looked at before it is polled: what it has rung for is not forgotten.
    assert!(is_silent(&mut alarm, Some(now() + SOON)));
    sleep(3 * SOON).await;
    while !alarm.is_off() {
        sleep(SOON).await;
    }
    assert!(alarm.is_off() && !is_silent(&mut alarm, Some(late)));

    // A time that has passed.
    rings(&mut alarm, now()).await;
    rings(&mut alarm, next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tokios_rings_when_it_is_time() {
    does_what_an_alarm_does(Alarm::new()).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_kernels_rings_when_it_is_time() {
    does_what_an_alarm_does(by_the_kernel()).await;
}

#[tokio::test(start_paused = true)]
async fn time_that_can_be_paused_is_followed() {
    rings(&mut Alarm::beside_sockets(), now() + LATE).await;
    does_what_an_alarm_does(Alarm::beside_sockets()).await;
}

/// The runtime may say something of a timer that was set anew meanwhile, on another worker. Nobody is left waiting by that.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ring_is_lost_while_alarms_are_moved() {
    let mut alarms = JoinSet::new();
    for number in 0..32_u64 {
        alarms.spawn(async move {
            let mut alarm = by_the_kernel();
            for ring in 0..600 {
                let next = now() + Duration::from_micros(200 + (number * 7 + ring * 13) % 1_500);
                // Moved to an earlier time, as when a call begins that waits less long than others.
                assert!(is_silent(&mut alarm, Some(next + LATE)));
                alarm.unset();
                timeout(Duration::from_secs(30), poll_fn(|cx| alarm.poll(Some(next), cx))).await.expect("it rings");
            }
        });
    }
    alarms.join_all().await;
}
