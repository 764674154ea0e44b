use crate::peers::CLOSED;
use crate::process::rpcudp;

#[test]
fn an_invalid_argument_is_reported_by_position_before_any_call() {
    for (words, message) in [
        (&["1", "{\"a"][..], "argument 2 `{\\\"a` is not JSON: EOF while parsing a string at line 1 column 3"),
        (&["Snake"], "argument 1 `Snake` is not JSON: if it is text, write str:Snake"),
        (&["{a: 1}"], "argument 1 `{a: 1}` is not JSON: the shell has removed its double quotes. "),
        (&["hex:0"], "argument 1 `hex:0` needs an even number of hexadecimal digits"),
        (
            &["[\"hex:zz\"]"],
            "argument 1 `[\\\"hex:zz\\\"]` is not a value: `zz` is not an even number of hexadecimal digits",
        ),
        (&["1", "2", "@/no/such/file"], "argument 3 `@/no/such/file` cannot be read from /no/such/file: "),
        (&["99999999999999999999"], "has an integer that does not fit in 64 bits: 99999999999999999999"),
    ] {
        for command in ["call", "ping", "load"] {
            let finished = rpcudp(&[&[command, CLOSED, "m"], words].concat());
            assert!(finished.failed(64).contains(message), "{finished:?}");
        }
    }
    let nested = format!("{}{}", "[".repeat(31), "]".repeat(31));
    let finished = rpcudp(&["call", CLOSED, "m", "0", &nested.replace("[]", "[0]")]);
    assert_eq!(
        finished.failed(64),
        "rpcudp: argument 2 of `m` cannot be encoded: the value nests deeper than 30 levels"
    );
}

#[test]
fn an_oversized_request_is_refused_with_its_size_and_the_limit() {
    let large = format!("\"{}\"", "x".repeat(9_000));
    let finished = rpcudp(&["call", CLOSED, "m", &large]);
    assert_eq!(
        finished.failed(64),
        "rpcudp: the request `m` has 9007 bytes, and `Builder::max_request_len` allows 8192"
    );
}

#[test]
fn an_invalid_command_line_has_its_own_exit_code() {
    for arguments in [
        &["frobnicate"][..],
        &["call"],
        &["call", CLOSED, "m", "--timeout", "5"],
        &["call", CLOSED, "m", "--ipv4", "--ipv6"],
        &["call", CLOSED, "m", "--timeout", "2days"],
        &["ping", CLOSED, "--interval", "0s"],
        &["ping", CLOSED, "--count", "0"],
        &["load", CLOSED, "m", "--concurrency", "0"],
        &["call", "127.0.0.1", "m"],
        &["call", ":1234", "m"],
        &["call", "0.0.0.0:1234", "m"],
        &["doctor", "[::]:1234"],
        &["doctor", "127.0.0.1:0"],
        &["completions", "tcsh"],
    ] {
        let finished = rpcudp(arguments);
        assert_eq!((finished.code(), finished.stdout()), (64, ""), "{finished:?}");
        assert!(!finished.stderr().is_empty() && !finished.stderr().contains('\x1b'), "{finished:?}");
    }
    assert!(rpcudp(&["call", CLOSED, "m", "--timeout", "5"]).stderr().contains("a time has a unit, as in 500ms"));
}

#[test]
fn help_lists_the_exit_codes() {
    for arguments in [&["--help"][..], &["call", "--help"], &["listen", "--help"], &["doctor", "--help"]] {
        let help = rpcudp(arguments);
        for line in
            ["2   the name does not resolve", "5   no response arrived in time", "64  the command line is invalid"]
        {
            assert!(help.succeeded().contains(line), "{help:?}");
        }
    }
    assert_eq!(rpcudp(&["--version"]).succeeded(), concat!("rpcudp ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let completions = rpcudp(&["completions", shell]);
        for word in ["listen", "doctor", "concurrency"] {
            assert!(completions.succeeded().contains(word), "{shell} without {word}");
        }
    }
}
