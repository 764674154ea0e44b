use crate::peers::CLOSED;
use crate::process::rpcudp;

#[test]
fn an_argument_that_is_none_is_named_by_its_position_before_anything_is_sent() {
    for (words, says) in [
        (&["1", "{\"a"][..], "argument 2 `{\\\"a` is no JSON: EOF while parsing a string at line 1 column 3"),
        (
            &["Snake"],
            "argument 1 `Snake` is no JSON: expected value at line 1 column 1 (a text has quotes: '\"text\"')",
        ),
        (&["hex:0"], "argument 1 `hex:0` has no even number of hexadecimal digits"),
        (&["[\"hex:zz\"]"], "argument 1 `[\\\"hex:zz\\\"]` is no value: `zz` is no even number of hexadecimal digits"),
        (&["1", "2", "@/no/such/file"], "argument 3 `@/no/such/file` cannot be read from /no/such/file: "),
        (&["99999999999999999999"], "has an integer that 64 bits do not hold: 99999999999999999999"),
    ] {
        for command in ["call", "ping", "load"] {
            let finished = rpcudp(&[&[command, CLOSED, "m"], words].concat());
            assert!(finished.failed(64).contains(says), "{finished:?}");
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
fn a_body_over_the_limit_is_refused_with_its_size_and_the_limit() {
    let large = format!("\"{}\"", "x".repeat(9_000));
    let finished = rpcudp(&["call", CLOSED, "m", &large]);
    assert_eq!(finished.failed(64), "rpcudp: the request `m` has 9007 bytes, and 8192 are allowed");
}

#[test]
fn a_command_line_without_sense_has_a_code_of_its_own() {
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
fn help_says_what_the_exit_codes_are() {
    for arguments in [&["--help"][..], &["call", "--help"], &["listen", "--help"], &["doctor", "--help"]] {
        let help = rpcudp(arguments);
        for line in
            ["2   the name does not resolve", "5   no answer came in time", "64  the command line makes no sense"]
        {
            assert!(help.succeeded().contains(line), "{help:?}");
        }
    }
    assert_eq!(rpcudp(&["--version"]).succeeded(), concat!("rpcudp ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let completions = rpcudp(&["completions", shell]);
        for word in ["listen", "doctor", "concurrency"] {
            assert!(completions.succeeded().contains(word), "{shell} without {word}");
        }
    }
}
