use super::*;

/// A caller and five nodes, of which the first three are members of a group.
fn lan() -> (Network, Node, Vec<Node>) {
    let network = Network::new(7);
    let caller = network.bind("10.0.0.100:7000").unwrap();
    let nodes: Vec<_> = (1..=5).map(|number| network.bind(format!("10.0.0.{number}:7000")).unwrap()).collect();
    nodes[..3].iter().for_each(|node| node.join_multicast(ip("239.1.2.3")));
    (network, caller, nodes)
}

fn send_to(from: &Node, destination: &str) {
    let datagram = Datagram { destination: destination.parse().unwrap(), source: None, contents: b"x" };
    from.try_send(datagram).unwrap();
}

async fn received(nodes: &[Node]) -> Vec<usize> {
    let mut counts = Vec::new();
    for node in nodes {
        counts.push(arrivals(node).await.len());
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn members_receive_the_datagrams_to_their_group_and_port() {
    let (network, caller, mut nodes) = lan();
    send_to(&caller, "239.1.2.3:7000");
    send_to(&caller, "239.1.2.3:7001");
    send_to(&caller, "239.1.2.4:7000");
    assert_eq!(received(&nodes).await, [1, 1, 1, 0, 0]);
    assert_eq!((network.stats().sent, network.stats().delivered), (3, 3));

    // A member receives its own, and one that has gone receives none.
    drop(nodes.remove(0));
    send_to(&nodes[0], "239.1.2.3:7000");
    assert_eq!(received(&nodes).await, [1, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn each_member_has_the_conditions_of_its_link() {
    let (network, caller, nodes) = lan();
    network.set_link(ip("10.0.0.100"), ip("10.0.0.1"), Conditions::default().loss(1.0));
    network.set_link(ip("10.0.0.100"), ip("10.0.0.2"), Conditions::default().latency(ms(30)));
    network.partition([ip("10.0.0.3"), ip("10.0.0.4")]);
    send_to(&caller, "239.1.2.3:7000");
    let mut batch = ReceiveBatch::new();
    let start = Instant::now();
    poll_fn(|cx| nodes[1].poll_receive(cx, &mut batch)).await.unwrap();
    assert_eq!(start.elapsed(), ms(30));
    let datagram = batch.iter().next().unwrap();
    assert_eq!((datagram.source, datagram.local), (caller.local_addr(), Some(ip("239.1.2.3"))));
    assert_eq!(received(&nodes).await, [0, 0, 0, 0, 0]);
    assert_eq!((network.stats().lost, network.stats().cut_off), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn broadcast_reaches_every_node_with_the_port() {
    let (network, caller, mut nodes) = lan();
    nodes.push(network.bind("10.0.0.6:7001").unwrap());
    nodes.push(network.bind("[fd00::1]:7000").unwrap());
    send_to(&caller, "255.255.255.255:7000");
    assert_eq!(received(&nodes).await, [1, 1, 1, 1, 1, 0, 0]);
}
