//! Methods that return a `Result`, by its own name or by an alias.

#![allow(unused_qualifications, unreachable_pub, reason = "the tests cover paths of every length")]

use std::error::Error;
use std::fmt;

use rpcudp::{CallError, Refusal, rpc_service};
use serde::{Deserialize, Serialize};

use crate::support::{TestResult, loopback_pair};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Overdrawn {
    By(u64),
    Closed { since: String },
}

impl fmt::Display for Overdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(cents) => write!(f, "{cents} cents are missing"),
            Self::Closed { .. } => f.write_str("the account is closed"),
        }
    }
}

impl std::error::Error for Overdrawn {}

/// An alias with the name `Result` and its parameters in reverse order.
mod reversed {
    pub type Result<E, T> = std::result::Result<T, E>;
}

type BankResult<T> = Result<T, Overdrawn>;

#[rpc_service]
trait Bank {
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn>;
    async fn withdraw_later(&self, cents: u64) -> std::result::Result<u64, Overdrawn>;
    fn reversed(&self, cents: u64) -> reversed::Result<Overdrawn, u64>;
    #[rpc(fallible)]
    fn aliased(&self, cents: u64) -> BankResult<u64>;
    fn close(&self) -> Result<(), Overdrawn>;
    fn balance(&self) -> u64;
}

struct Account(u64);

impl Bank for Account {
    fn withdraw(&self, cents: u64) -> Result<u64, Overdrawn> {
        self.0.checked_sub(cents).ok_or_else(|| Overdrawn::By(cents - self.0))
    }
    async fn withdraw_later(&self, cents: u64) -> Result<u64, Overdrawn> {
        self.withdraw(cents)
    }
    fn reversed(&self, cents: u64) -> Result<u64, Overdrawn> {
        self.withdraw(cents)
    }
    fn aliased(&self, cents: u64) -> BankResult<u64> {
        self.withdraw(cents)
    }
    fn close(&self) -> Result<(), Overdrawn> {
        Err(Overdrawn::Closed { since: "yesterday".repeat(100) })
    }
    fn balance(&self) -> u64 {
        self.0
    }
}

#[tokio::test]
async fn errors_arrive_typed_by_every_name_of_result() -> TestResult {
    let (server, caller) = loopback_pair(BankServer::new(Account(100))).await;
    let bank = BankClient::new(&caller, server.local_addr());

    assert_eq!(bank.withdraw(30).await?, 70);
    assert_eq!(bank.withdraw_later(30).await?, 70);
    assert_eq!(bank.reversed(30).await?, 70);
    assert_eq!(bank.aliased(30).await?, 70);
    for error in [
        bank.withdraw(130).await.unwrap_err(),
        bank.withdraw_later(130).await.unwrap_err(),
        bank.reversed(130).await.unwrap_err(),
        bank.aliased(130).await.unwrap_err(),
    ] {
        assert!(matches!(error, CallError::Application(Overdrawn::By(30))), "{error}");
    }
    // An application error can be longer than the request.
    let closed = Overdrawn::Closed { since: "yesterday".repeat(100) };
    assert_eq!(bank.close().await.unwrap_err().into_application().unwrap(), closed);
    Ok(())
}

#[tokio::test]
async fn application_error_is_the_source_and_part_of_the_message() {
    let (server, caller) = loopback_pair(BankServer::new(Account(100))).await;
    let error = BankClient::new(&caller, server.local_addr()).withdraw(130).await.unwrap_err();
    assert_eq!(error.to_string(), "the method returned an error: 30 cents are missing");
    assert_eq!(error.source().and_then(|source| source.downcast_ref()), Some(&Overdrawn::By(30)));
    assert!(matches!(error.map_application(|_| "overdrawn"), CallError::Application("overdrawn")));
}

#[tokio::test]
async fn widen_lets_one_function_call_infallible_and_fallible_methods() {
    async fn withdraw_all(bank: &BankClient) -> Result<u64, CallError<Overdrawn>> {
        let cents = bank.balance().await?;
        bank.withdraw(cents).await
    }
    let (server, caller) = loopback_pair(BankServer::new(Account(100))).await;
    let bank = BankClient::new(&caller, server.local_addr());
    assert_eq!(withdraw_all(&bank).await.unwrap(), 0);
    caller.close(std::time::Duration::ZERO).await;
    assert!(matches!(withdraw_all(&bank).await, Err(CallError::Closed)));
}

#[tokio::test]
async fn error_that_the_callers_contract_lacks_is_a_refusal() {
    #[rpc_service]
    trait OldBank {
        fn withdraw(&self, cents: u64) -> u64;
    }
    let (server, caller) = loopback_pair(BankServer::new(Account(100))).await;
    let bank = OldBankClient::new(&caller, server.local_addr());
    assert_eq!(bank.withdraw(30).await.unwrap(), 70);
    let error = bank.withdraw(130).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::UndeclaredError, .. }), "{error}");
}
