//! Names that the system's resolver looks up.

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use rpcudp_discovery::Dns;

use crate::dnsmasq::Dnsmasq;
use crate::{View, is_missing, print_skipped};

/// Set in the process whose resolver asks the test's server.
const INSIDE: &str = "RPCUDP_RESOLVES_BY_DNSMASQ";

/// Runs itself again in a namespace whose `/etc/resolv.conf` names the test's server.
#[tokio::test]
async fn the_peers_follow_a_zone_and_outlive_its_server() {
    if env::var_os(INSIDE).is_some() {
        return inside().await;
    }
    if is_missing() {
        return;
    }
    let folder = env::temp_dir().join(format!("rpcudp-resolver-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    // `attempts` and `timeout` shorten the wait for a server that does not respond.
    fs::write(folder.join("resolv.conf"), "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n").unwrap();
    let test = "system::the_peers_follow_a_zone_and_outlive_its_server";
    let prepare = format!("ip link set lo up && mount --bind {}/resolv.conf /etc/resolv.conf", folder.display());
    let namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--", "sh", "-c", script]).arg(env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(INSIDE, &folder);
        command
    };
    if !namespace(&prepare).output().is_ok_and(|output| output.status.success()) {
        print_skipped("a resolver of the test's own needs namespaces, `ip`, `unshare` and root");
    } else {
        let output = namespace(&format!("{prepare} && exec \"$0\" \"$@\"")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    fs::remove_dir_all(&folder).unwrap();
}

async fn inside() {
    let hosts = std::path::PathBuf::from(env::var_os(INSIDE).unwrap()).join("hosts");
    let address = "127.0.0.1:53".parse().unwrap();
    let file = format!("--addn-hosts={}", hosts.display());
    fs::write(&hosts, "10.0.0.1 greeter.example\n10.0.0.2 greeter.example\nfd00::1 greeter.example\n").unwrap();
    let server = Dnsmasq::start(address, &[&file]);

    let dns = Dns::new("greeter.example:7000").unwrap().interval(Duration::from_millis(100));
    let mut view = View::of(dns.peers());
    view.becomes(&["10.0.0.1:7000", "10.0.0.2:7000"]).await;
    let mut both = View::of(Dns::new("greeter.example:7000").unwrap().both_families().peers());
    both.becomes(&["10.0.0.1:7000", "10.0.0.2:7000", "[fd00::1]:7000"]).await;

    fs::write(&hosts, "10.0.0.2 greeter.example\n10.0.0.3 greeter.example\n").unwrap();
    server.reload();
    view.becomes(&["10.0.0.2:7000", "10.0.0.3:7000"]).await;

    // Without the server, and without the name, the peers stay.
    drop(server);
    let error = view.fails().await;
    assert!(error.starts_with("cannot resolve `greeter.example:7000`: "), "{error}");
    fs::write(&hosts, "10.0.0.9 another.example\n").unwrap();
    let server = Dnsmasq::start(address, &[&file]);
    view.fails().await;
    view.becomes(&["10.0.0.2:7000", "10.0.0.3:7000"]).await;

    fs::write(&hosts, "10.0.0.4 greeter.example\n").unwrap();
    server.reload();
    view.becomes(&["10.0.0.4:7000"]).await;
}
