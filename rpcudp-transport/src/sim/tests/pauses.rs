//! Nodes of processes that are paused.

use super::*;

#[tokio::test(start_paused = true)]
async fn paused_node_receives_when_it_resumes() {
    let (network, a, b) = pair(Conditions::default().latency(ms(20)));
    network.pause(b.local_addr());
    send(&a, &b, b"first");
    let resume = async {
        tokio::time::sleep(ms(500)).await;
        send(&a, &b, b"second");
        network.resume(b.local_addr());
    };
    let (arrived, ()) = tokio::join!(arrivals(&b), resume);
    assert_eq!(arrived, [(500, b"first".to_vec()), (520, b"second".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn datagrams_of_a_paused_node_leave_when_it_resumes() {
    let (network, a, b) = pair(Conditions::default().latency(ms(20)));
    network.pause(a.local_addr());
    send(&a, &b, b"first");
    send(&a, &b, b"second");
    let resume = async {
        tokio::time::sleep(ms(500)).await;
        assert_eq!(network.stats().sent, 0);
        network.resume(a.local_addr());
    };
    let (arrived, ()) = tokio::join!(arrivals(&b), resume);
    assert_eq!(arrived, [(520, b"first".to_vec()), (520, b"second".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn pause_that_is_asked_for_twice_ends_once() {
    let (network, a, b) = pair(Conditions::default());
    network.pause(a.local_addr());
    send(&a, &b, b"x");
    network.pause(a.local_addr());
    network.resume(a.local_addr());
    network.resume(a.local_addr());
    assert_eq!(arrivals(&b).await, [(0, b"x".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn node_at_the_address_of_a_paused_one_is_not_paused() {
    let (network, a, b) = pair(Conditions::default());
    network.pause(a.local_addr());
    send(&a, &b, b"lost with its process");
    drop(a);
    let a = network.bind("10.0.0.1:7000").unwrap();
    send(&a, &b, b"x");
    assert_eq!(arrivals(&b).await, [(0, b"x".to_vec())]);
}

#[test]
#[should_panic(expected = "no node is bound to 10.0.0.9:1")]
fn pausing_an_address_without_a_node_panics() {
    Network::new(7).pause("10.0.0.9:1".parse().unwrap());
}
