//! Names with addresses of both families, and hosts without a route. Each test runs in network and
//! mount namespaces of its own, and is skipped on machines that do not allow them.

use std::process::{Command, Output};

/// Runs a shell script with the binary as `$rpcudp`, on a host with a loopback interface alone, on
/// which `localhost` has the addresses `::1` and `127.0.0.1`. Returns `None` if the machine does
/// not allow namespaces.
fn run_isolated(script: &str) -> Option<String> {
    let setup = "set -eu; ip link set lo up; mount -t tmpfs none /mnt; \
                 printf '::1 localhost\\n127.0.0.1 localhost\\n' > /mnt/hosts; mount --bind /mnt/hosts /etc/hosts";
    let isolated = |script: &str| -> Option<Output> {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "--net", "--fork", "--kill-child", "sh", "-c", script]);
        command.env("rpcudp", env!("CARGO_BIN_EXE_rpcudp")).output().ok()
    };
    if !isolated(setup).is_some_and(|output| output.status.success()) {
        println!("SKIPPED: needs unshare, ip and the right to make namespaces");
        return None;
    }
    let output = isolated(&format!("{setup}\n{script}")).expect("it ran before");
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).expect("output is UTF-8"))
}

#[test]
fn a_peer_is_found_at_either_address_of_its_name() {
    for listen in ["127.0.0.1", "[::1]", "[::]"] {
        let script = format!(
            r#"
            "$rpcudp" listen {listen}:1234 --answer m=7 > /mnt/listening &
            until grep -q listening /mnt/listening; do sleep 0.01; done
            "$rpcudp" call localhost:1234 m
            "$rpcudp" call localhost:1234 m --retry
            "$rpcudp" call localhost:1234 m --bind '[::]:0'
            "$rpcudp" ping localhost:1234 m --count 2 --interval 1ms | grep responses
            "$rpcudp" doctor localhost:1234 m --count 3 | tail -n 1
            kill $!
            "#
        );
        let Some(printed) = run_isolated(&script) else { return };
        assert_eq!(printed, "7\n7\n7\n2 calls, 2 responses, 0.0% lost\nno faults found\n", "{listen}");
    }
}

#[test]
fn a_host_without_ipv6_uses_the_ipv4_address() {
    let script = r#"
        echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
        "$rpcudp" listen 127.0.0.1:1234 --answer m=7 > /mnt/listening &
        until grep -q listening /mnt/listening; do sleep 0.01; done
        "$rpcudp" call localhost:1234 m
        "$rpcudp" call localhost:1234 m --retry
        "$rpcudp" doctor localhost:1234 m --count 3 | tail -n 1
        kill $!
    "#;
    let Some(printed) = run_isolated(script) else { return };
    assert_eq!(printed, "7\n7\nno faults found\n");
}

#[test]
fn every_command_reports_a_peer_without_a_route_as_unreachable() {
    let script = r#"
        for peer in 192.0.2.1:9 '[2001:db8::1]:9' '[fe80::1%lo]:9' '[fe80::1%1]:9'; do
            for command in call 'call --retry' ping\ --count=1 load doctor; do
                code=0
                "$rpcudp" $command --timeout 200ms "$peer" m > /mnt/output 2>&1 || code=$?
                [ $code = 4 ] || echo "$command $peer: $code $(cat /mnt/output)"
            done
            code=0
            "$rpcudp" describe --timeout 200ms "$peer" > /mnt/output 2>&1 || code=$?
            [ $code = 4 ] || echo "describe $peer: $code $(cat /mnt/output)"
        done
        for command in call ping load doctor; do
            code=0
            "$rpcudp" $command '[fe80::1%eth9]:9' m > /mnt/output 2>&1 || code=$?
            echo $code "$(cat /mnt/output)"
        done
    "#;
    let Some(printed) = run_isolated(script) else { return };
    let unknown = "2 rpcudp: [fe80::1%eth9]:9 does not resolve: this host has no network interface `eth9`\n";
    assert_eq!(printed, unknown.repeat(4));
}
