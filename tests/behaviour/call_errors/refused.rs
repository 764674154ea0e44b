//! Calls that the server refuses.

use std::time::Duration;

use rpcudp::{Builder, Dialect, Refusal};

use super::fixture::*;
use crate::support::{ms, refusal};

#[tokio::test(start_paused = true)]
async fn refusal_names_the_unknown_method() {
    let pair = pair();
    let (reason, message) = refusal(pair.mismatched_client().unknown().await);
    assert_eq!(reason, Refusal::UnknownMethod);
    assert_eq!(message, "unknown");
    pair.assert_alive().await;
}

#[tokio::test(start_paused = true)]
async fn refusal_names_the_malformed_argument() {
    let pair = pair();
    let result = pair.mismatched_client().number_of_things(u64::MAX).await;
    let shown = result.as_ref().unwrap_err().to_string();
    assert!(shown.starts_with("10.0.0.1:7000 refused `number_of_things`: malformed arguments: `text`"), "{shown}");
    let (reason, message) = refusal(result);
    assert_eq!(reason, Refusal::MalformedArguments);
    // The source may be forged, so the refusal is no longer than the request and its message is
    // cut.
    assert_eq!(message, "`text`: invalid type: integer…");
    pair.assert_alive().await;
}

#[tokio::test(start_paused = true)]
async fn refusal_is_whole_if_its_destination_is_validated_or_trusted() {
    let validated = pair();
    // The caller serves nothing, and its refusal shows that it receives at its address.
    let caller = FailingClient::new(&validated.server, validated.caller.local_addr());
    assert_eq!(refusal(caller.echo(b"").await).0, Refusal::UnknownMethod);
    for pair in [validated, pair_with(Builder::trusted_network)] {
        let (_, message) = refusal(pair.mismatched_client().number_of_things(u64::MAX).await);
        assert_eq!(
            message,
            "`text`: invalid type: integer `18446744073709551615`, expected a borrowed string (argument 1) in `number_of_things`"
        );
        pair.assert_alive().await;
    }
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_handler_fails_only_its_own_call() {
    let pair = pair();
    let client = pair.client();
    let other_call = tokio::spawn(client.never().timeout(Duration::from_secs(1)));
    for result in [
        client.panics().await,
        client.panics_later().await,
        client.panics_while_encoding().await.map(drop),
        client.panics_when_dropped().await.map(drop),
        client.panics_when_dropped_later().await.map(drop),
        pair.mismatched_client().takes_panicking(1).await,
    ] {
        assert_eq!(refusal(result).0, Refusal::Panicked);
        pair.assert_alive().await;
    }
    assert!(other_call.await.unwrap().unwrap_err().is_timeout());
    assert_eq!(pair.server.stats().requests.panicked, 6);
}

#[tokio::test(start_paused = true)]
async fn unencodable_response_is_a_refusal() {
    let pair = pair();
    let (reason, message) = refusal(pair.client().fails_to_encode().await);
    // The serializer's error stays on the server.
    assert_eq!((reason, &*message), (Refusal::ResponseUnencodable, "fails_to_encode"));
    assert_eq!(pair.server.stats().requests.panicked, 0);
    pair.assert_alive().await;
}

#[tokio::test(start_paused = true)]
async fn response_over_the_limit_is_a_refusal() {
    let pair = pair();
    let largest = 65_486 - 3;
    assert_eq!(pair.client().big(largest).await.unwrap().len(), largest);
    let (reason, _) = refusal(pair.client().big(largest + 1).await);
    assert_eq!(reason, Refusal::ResponseTooLarge { size: Some(largest + 4), limit: Some(largest + 3) });

    let limited = pair_with(|builder| builder.max_response_len(1_000));
    let result = limited.client().echo(&[7; 998]).await;
    let shown = result.as_ref().unwrap_err().to_string();
    assert!(
        shown.ends_with("the response has 1001 bytes, and the peer's `Builder::max_response_len` allows 1000"),
        "{shown}"
    );
    assert_eq!(refusal(result).0, Refusal::ResponseTooLarge { size: Some(1_001), limit: Some(1_000) });
    assert_eq!(limited.client().echo(&[7; 997]).await.unwrap().len(), 997);
}

#[tokio::test(start_paused = true)]
async fn busy_server_refuses_async_methods_only() {
    let pair = pair_with(|builder| builder.max_handlers(2));
    let running: Vec<_> = (0..2).map(|_| tokio::spawn(pair.client().never())).collect();
    tokio::task::yield_now().await;
    let (reason, _) = refusal(pair.client().never().await);
    assert_eq!(reason, Refusal::Busy);
    // Sync methods do not count as running handlers.
    pair.assert_alive().await;
    assert_eq!((pair.caller.stats().calls.in_flight, pair.server.stats().requests.running), (2, 2));
    for call in running {
        assert!(call.await.unwrap().unwrap_err().is_timeout());
    }
    // The calls have timed out; their handlers still run.
    assert_eq!((pair.caller.stats().calls.in_flight, pair.server.stats().requests.running), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn storj_dialect_has_no_refusals_so_calls_time_out() {
    let pair = pair_with(|builder| builder.dialect(Dialect::Storj));
    pair.assert_alive().await;
    let short = ms(100);
    for call in
        [pair.client().panics(), pair.mismatched_client().unknown(), pair.mismatched_client().takes_panicking(1)]
    {
        assert!(call.timeout(short).await.unwrap_err().is_timeout());
    }
    assert_eq!(pair.server.stats().requests.refused, 3);
    assert_eq!(pair.network.stats().sent, 2 + 3);
}
