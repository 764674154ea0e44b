//! Methods that are called by their names, without a contract on the caller's side.

use rpcudp::{Call, CallError, DynamicMethod, Endpoint, Refusal, rpc_service};

use crate::support::{TestResult, loopback_pair, ms, silent_socket};

#[rpc_service]
trait Account {
    fn deposit(&self, cents: u64, note: Option<&str>) -> String;
    fn withdraw(&self, cents: u64) -> Result<u64, String>;
    fn size(&self, data: &[u8]) -> usize;
}

struct Empty;

impl Account for Empty {
    fn deposit(&self, cents: u64, note: Option<&str>) -> String {
        format!("{cents} {note:?}")
    }

    fn withdraw(&self, cents: u64) -> Result<u64, String> {
        Err(format!("{cents} cents are missing"))
    }

    fn size(&self, data: &[u8]) -> usize {
        data.len()
    }
}

#[tokio::test]
async fn arguments_of_several_types_and_any_number_are_sent() -> TestResult {
    let (server, endpoint) = loopback_pair(AccountServer::new(Empty)).await;
    let deposit = |arguments: Vec<serde_json::Value>| -> Call<String> {
        DynamicMethod::new("deposit").call(&endpoint, server.local_addr(), &arguments)
    };
    assert_eq!(deposit(vec![5.into()]).await?, "5 None");
    assert_eq!(deposit(vec![5.into(), "rent".into()]).await?, "5 Some(\"rent\")");
    assert_eq!(deposit(vec![5.into(), "rent".into(), "and more".into()]).await?, "5 Some(\"rent\")");
    match deposit(vec![]).await {
        Err(CallError::Refused { method: "deposit", reason: Refusal::MalformedArguments, .. }) => {}
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn the_method_s_own_error_is_of_the_type_that_is_asked_for() -> TestResult {
    let (server, endpoint) = loopback_pair(AccountServer::new(Empty)).await;
    let withdraw = DynamicMethod::new("withdraw");
    let call: Call<u64, String> = withdraw.fallible_call(&endpoint, server.local_addr(), &[5]);
    assert_eq!(call.await.unwrap_err().into_application().unwrap(), "5 cents are missing");
    let call: Call<u64> = withdraw.call(&endpoint, server.local_addr(), &[5]);
    assert!(matches!(call.await, Err(CallError::Refused { reason: Refusal::UndeclaredError, .. })));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_sent_is_said() -> TestResult {
    let (server, endpoint) = loopback_pair(AccountServer::new(Empty)).await;
    let size = DynamicMethod::new("size");
    let of = |len: usize| -> Call<usize> { size.call(&endpoint, server.local_addr(), &[vec![0_u8; len]]) };
    // An array of two, a name of four, an array of one, and three bytes before the argument's own.
    assert_eq!(of(8_192 - 10).await?, 8_182);
    match of(8_193 - 10).await {
        Err(CallError::TooLarge { method: "size", size: 8_193, limit: 8_192 }) => {}
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn a_call_has_the_endpoint_s_timeout_or_its_own() -> TestResult {
    let (_silent, peer) = silent_socket();
    let endpoint = Endpoint::builder().timeout(ms(30)).bind("127.0.0.1:0").await?;
    let call = || -> Call<()> { DynamicMethod::new("anything").call(&endpoint, peer, &[(); 0]) };
    for (call, expected) in [(call(), 30), (call().timeout(ms(20)), 20)] {
        match call.await {
            Err(CallError::Timeout { after, .. }) => assert_eq!(after, ms(expected)),
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_name_is_kept_once() {
    let name = String::from("kept");
    let (first, second) = (DynamicMethod::new(&name), DynamicMethod::new(&name.clone()));
    assert!(std::ptr::eq(first.name(), second.name()));
    assert_ne!(DynamicMethod::new("another").name(), first.name());
}
