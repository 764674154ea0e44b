//! A swarm across three network namespaces with real addresses, where the machine allows to make them.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

/// In namespaces of its own for users, mounts and networks: nothing of the machine's is touched, and nobody has to be
/// root.
fn isolated() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--net", "--fork", "--kill-child"]);
    command
}

#[test]
fn three_hosts_find_everything() {
    let probe = isolated().args(["sh", "-c", "ip link add name probe type veth peer name eborp"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: three_hosts_find_everything: needs unshare, ip and the right to make namespaces");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/namespaces.sh");
    let output = isolated().arg("sh").arg(script).arg(env!("CARGO_BIN_EXE_kad")).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("\nsix nodes on three hosts found everything\n"), "{stdout}\n{stderr}");
}
