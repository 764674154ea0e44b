//! Methods that are called by name, without a contract on the caller's side.

use rpcudp::{Call, CallError, DynamicMethod, Endpoint, Refusal, rpc_service};

use crate::support::{TestResult, loopback_pair, ms, silent_socket};

#[rpc_service]
trait Account {
    fn deposit(&self, cents: u64, note: Option<&str>) -> String;
    fn withdraw(&self, cents: u64) -> Result<u64, String>;
    fn size(&self, data: &[u8]) -> usize;
}

struct EmptyAccount;

impl Account for EmptyAccount {
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
async fn arguments_can_have_several_types_and_any_count() -> TestResult {
    let (server, endpoint) = loopback_pair(AccountServer::new(EmptyAccount)).await;
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
async fn fallible_call_decodes_the_error_of_the_method() -> TestResult {
    let (server, endpoint) = loopback_pair(AccountServer::new(EmptyAccount)).await;
    let withdraw = DynamicMethod::new("withdraw");
    let call: Call<u64, String> = withdraw.fallible_call(&endpoint, server.local_addr(), &[5]);
    assert_eq!(call.await.unwrap_err().into_application().unwrap(), "5 cents are missing");
    let call: Call<u64> = withdraw.call(&endpoint, server.local_addr(), &[5]);
    assert!(matches!(call.await, Err(CallError::Refused { reason: Refusal::UndeclaredError, .. })));
    Ok(())
}

#[tokio::test]
async fn request_over_the_limit_fails() -> TestResult {
    let (server, endpoint) = loopback_pair(AccountServer::new(EmptyAccount)).await;
    let size = DynamicMethod::new("size");
    let call = |len: usize| -> Call<usize> { size.call(&endpoint, server.local_addr(), &[vec![0_u8; len]]) };
    // `[size, [data]]` adds 1 + 5 + 1 + 3 bytes to the data.
    assert_eq!(call(8_192 - 10).await?, 8_182);
    match call(8_193 - 10).await {
        Err(CallError::TooLarge { method: "size", size: 8_193, limit: 8_192 }) => {}
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn timeout_of_the_call_precedes_the_endpoint() -> TestResult {
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
fn equal_names_are_stored_once() {
    let name = String::from("stored");
    let (first, second) = (DynamicMethod::new(&name), DynamicMethod::new(&name.clone()));
    assert!(std::ptr::eq(first.name(), second.name()));
    assert_ne!(DynamicMethod::new("another").name(), first.name());
}
