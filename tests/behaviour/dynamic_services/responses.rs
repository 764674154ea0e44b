//! Values, errors and refusals.

use rpcudp::value::Encoded;
use rpcudp::{CallError, DidRun, Refusal, rpc_service};

use super::*;
use crate::support::{TestResult, refusal};

/// A service that responds to each method in another way.
struct Responses;

impl DynamicService for Responses {
    fn name(&self) -> &str {
        "Responses"
    }

    fn methods(&self) -> Vec<Method> {
        [
            "value",
            "encoded",
            "error",
            "encoded_error",
            "unencodable",
            "busy",
            "too_large",
            "other",
            "none",
            "panic",
            "long",
        ]
        .map(Method::named)
        .into()
    }

    async fn call(&self, _: &Context, method: &str, _: RawArguments<'_>) -> DynamicResponse {
        match method {
            "value" => DynamicResponse::value(&vec![Some("text"), None]),
            "encoded" => DynamicResponse::encoded(Encoded::new(b"\x93\x01\x02\x03").unwrap()),
            "error" => DynamicResponse::error("overdrawn"),
            "encoded_error" => DynamicResponse::encoded_error(Encoded::of(&30).unwrap()),
            "unencodable" => {
                let deep = (0..40).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
                DynamicResponse::value(&deep)
            }
            "busy" => DynamicResponse::refusal(Refusal::Busy),
            "too_large" => {
                DynamicResponse::refusal(Refusal::ResponseTooLarge { size: Some(70_000), limit: Some(65_486) })
            }
            "other" => DynamicResponse::refusal(Refusal::Other { code: 77 }),
            "long" => DynamicResponse::value(&vec![0_u8; 70_000]),
            "panic" => panic!("on request"),
            _ => DynamicResponse::none(),
        }
    }
}

async fn pair() -> (Endpoint, Endpoint) {
    let server = Endpoint::builder().serve_dynamic(Responses).bind("127.0.0.1:0").await.unwrap();
    (server, Endpoint::bind("127.0.0.1:0").await.unwrap())
}

#[tokio::test]
async fn values_and_errors_arrive_as_those_of_a_contract() -> TestResult {
    #[rpc_service]
    trait Declared {
        fn value(&self) -> Vec<Option<String>>;
        fn encoded(&self) -> Vec<u8>;
        fn error(&self) -> Result<(), String>;
        fn encoded_error(&self) -> Result<(), u8>;
    }

    let (server, caller) = pair().await;
    let declared = DeclaredClient::new(&caller, server.local_addr());
    assert_eq!(declared.value().await?, [Some("text".into()), None]);
    assert_eq!(declared.encoded().await?, [1, 2, 3]);
    assert_eq!(declared.error().await.unwrap_err().into_application().unwrap(), "overdrawn");
    assert_eq!(declared.encoded_error().await.unwrap_err().into_application().unwrap(), 30);
    let requests = server.stats().requests;
    assert_eq!((requests.completed, requests.refused), (4, 0));
    Ok(())
}

#[tokio::test]
async fn refusals_keep_their_reason_and_detail() {
    let (server, caller) = pair().await;
    let refused = async |method| refusal(call(&caller, server.local_addr(), method, NO_ARGUMENTS).await);
    let too_large = |size| Refusal::ResponseTooLarge { size: Some(size), limit: Some(65_486) };
    for (method, reason) in [
        ("busy", Refusal::Busy),
        ("too_large", too_large(70_000)),
        ("long", too_large(70_005)),
        ("unencodable", Refusal::ResponseUnencodable),
        ("panic", Refusal::Panicked),
        // Only a caller concludes such a reason.
        ("other", Refusal::Rejected),
        ("undeclared", Refusal::UnknownMethod),
    ] {
        assert_eq!(refused(method).await, (reason, method.into()));
    }
    let requests = server.stats().requests;
    assert_eq!((requests.refused, requests.panicked, requests.completed), (7, 1, 0));
    let error = call(&caller, server.local_addr(), "busy", NO_ARGUMENTS).await.unwrap_err();
    assert_eq!(error.did_run(), DidRun::No);
}

#[tokio::test(start_paused = true)]
async fn malformed_argument_is_refused_with_its_name_and_place() {
    let pair = crate::support::Pair::new(
        rpcudp::sim::Network::new(1),
        Endpoint::builder().serve_dynamic(Recorder::default()),
        Endpoint::builder(),
    );
    let call =
        call(&pair.caller, pair.server.local_addr(), "maybe", &["a text of some length, so that the reason fits"]);
    let (reason, message) = refusal(call.await);
    assert_eq!(reason, Refusal::MalformedArguments);
    assert!(message.starts_with("`millis`: invalid type: string"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn no_response_lets_the_call_time_out() {
    let pair = crate::support::Pair::new(
        rpcudp::sim::Network::new(1),
        Endpoint::builder().serve_dynamic(Responses),
        Endpoint::builder(),
    );
    let error = call(&pair.caller, pair.server.local_addr(), "none", NO_ARGUMENTS).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error:?}");
    assert_eq!(pair.server.stats().datagrams.sent, 0);
}
