//! The peer says why not.

use std::time::Duration;

use rpcudp::{Dialect, Refusal};

use super::fixture::*;
use crate::support::{ms, refusal};

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_named() {
    let pair = pair();
    let (reason, message) = refusal(pair.misunderstood().unheard_of().await);
    assert_eq!(reason, Refusal::UnknownMethod);
    assert_eq!(message, "unheard_of");
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn malformed_arguments_are_named() {
    let pair = pair();
    let result = pair.misunderstood().number_of_things(u64::MAX).await;
    let shown = result.as_ref().unwrap_err().to_string();
    assert!(shown.starts_with("10.0.0.1:7000 refused `number_of_things`: malformed arguments: `text`"), "{shown}");
    let (reason, message) = refusal(result);
    assert_eq!(reason, Refusal::MalformedArguments);
    // A refusal is never longer than the request: its words are cut to that.
    assert_eq!(message, "`text`: invalid type: integer…");
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn panics_cost_their_own_call_alone() {
    let pair = pair();
    let client = pair.client();
    let waiting = tokio::spawn(client.never().timeout(Duration::from_secs(1)));
    for result in [
        client.panics().await,
        client.panics_later().await,
        client.panics_while_encoding().await.map(drop),
        client.panics_when_dropped().await.map(drop),
        client.panics_when_dropped_later().await.map(drop),
        pair.misunderstood().takes_explosive(1).await,
    ] {
        assert_eq!(refusal(result).0, Refusal::Panicked);
        pair.is_alive().await;
    }
    assert!(waiting.await.unwrap().unwrap_err().is_timeout());
    assert_eq!(pair.server.stats().requests.panicked, 6);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_encoded_is_a_refusal() {
    let pair = pair();
    let (reason, message) = refusal(pair.client().fails_to_encode().await);
    // Why is not for strangers.
    assert_eq!((reason, &*message), (Refusal::ResponseUnencodable, "fails_to_encode"));
    assert_eq!(pair.server.stats().requests.panicked, 0);
    pair.is_alive().await;
}

#[tokio::test(start_paused = true)]
async fn a_response_over_the_limit_is_a_refusal_and_not_cut() {
    let pair = pair();
    let largest = 65_486 - 3;
    assert_eq!(pair.client().big(largest).await.unwrap().len(), largest);
    let (reason, _) = refusal(pair.client().big(largest + 1).await);
    assert_eq!(reason, Refusal::ResponseTooLarge { size: Some(largest + 4), limit: Some(largest + 3) });

    let limited = pair_with(|builder| builder.max_response_len(1_000));
    let result = limited.client().echo(&[7; 998]).await;
    let shown = result.as_ref().unwrap_err().to_string();
    assert!(shown.ends_with("the response has 1001 bytes, and 1000 are allowed"), "{shown}");
    assert_eq!(refusal(result).0, Refusal::ResponseTooLarge { size: Some(1_001), limit: Some(1_000) });
    assert_eq!(limited.client().echo(&[7; 997]).await.unwrap().len(), 997);
}

#[tokio::test(start_paused = true)]
async fn a_busy_peer_says_so() {
    let pair = pair_with(|builder| builder.max_handlers(2));
    let running: Vec<_> = (0..2).map(|_| tokio::spawn(pair.client().never())).collect();
    tokio::task::yield_now().await;
    let (reason, _) = refusal(pair.client().never().await);
    assert_eq!(reason, Refusal::Busy);
    // Sync methods take no place.
    pair.is_alive().await;
    assert_eq!((pair.caller.stats().calls.in_flight, pair.server.stats().requests.running), (2, 2));
    for call in running {
        assert!(call.await.unwrap().unwrap_err().is_timeout());
    }
    // Nobody waits any more, and the handlers do not know.
    assert_eq!((pair.caller.stats().calls.in_flight, pair.server.stats().requests.running), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_storj_peer_is_told_nothing() {
    let pair = pair_with(|builder| builder.dialect(Dialect::Storj));
    pair.is_alive().await;
    let short = ms(100);
    for call in [pair.client().panics(), pair.misunderstood().unheard_of(), pair.misunderstood().takes_explosive(1)] {
        assert!(call.timeout(short).await.unwrap_err().is_timeout());
    }
    assert_eq!(pair.server.stats().requests.refused, 3);
    assert_eq!(pair.network.stats().sent, 2 + 3);
}
