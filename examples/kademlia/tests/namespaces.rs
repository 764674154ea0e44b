//! Six nodes on three hosts with real addresses, each host a network namespace. Skipped on machines
//! that do not allow network namespaces.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

/// Returns a command that runs its arguments in new user, mount and network namespaces. It needs no
/// root rights and does not change the machine's network.
fn isolated() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--net", "--fork", "--kill-child"]);
    command
}

#[test]
fn nodes_on_three_hosts_find_all_values() {
    let probe = isolated().args(["sh", "-c", "ip link add name probe type veth peer name eborp"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: nodes_on_three_hosts_find_all_values: needs unshare, ip and the right to make namespaces");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/namespaces.sh");
    let output = isolated().arg("sh").arg(script).arg(env!("CARGO_BIN_EXE_kad")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("\nsix nodes on three hosts found all values\n"), "{stdout}\n{stderr}");
}
