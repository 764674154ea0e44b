//! Introspection, both sides: the service that publishes contracts, and the query that reads a
//! peer's.

pub(crate) mod literal;
pub(crate) mod query;
pub(crate) mod schema;
pub(crate) mod service;

use std::net::SocketAddr;

use rpcudp_core::contract::Contract;

use self::query::{ContractQuery, Differences};
use crate::endpoint::Endpoint;

impl Endpoint {
    /// Queries the contracts that a peer publishes with
    /// [`Builder::serve_described`](crate::Builder::serve_described). `.await` the query, or call
    /// [`ContractQuery::wait`] outside async code.
    ///
    /// ```
    /// # #[rpcudp::rpc_service]
    /// # trait Clock {
    /// #     fn hour(&self) -> u8;
    /// # }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = rpcudp::Endpoint::builder().serve_described(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    /// # let peer = server.local_addr();
    /// let endpoint = rpcudp::Endpoint::bind("127.0.0.1:0").await?;
    /// for contract in endpoint.describe(peer).await? {
    ///     println!("{contract}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The contracts are the peer's claim, checked as far as possible: names are identifiers, types
    /// have balanced brackets and no comments, and no text contains a terminal's control
    /// characters. At most 1 MiB and 16,384 methods or pieces of documentation are read.
    ///
    /// Each page of 1,200 bytes is a call, which is retransmitted. The first call has the
    /// endpoint's timeout, and all calls together have twelve times as long: a minute by default.
    ///
    /// # Errors
    ///
    /// [`Refused`](crate::CallError::Refused) with [`UnknownMethod`](crate::Refusal::UnknownMethod)
    /// if the peer publishes nothing, [`Timeout`](crate::CallError::Timeout) if it is a Python
    /// peer, and [`Decode`](crate::CallError::Decode) if its response is not a description.
    pub fn describe(&self, peer: SocketAddr) -> ContractQuery<Vec<Contract>> {
        ContractQuery::describe(self, peer)
    }

    /// Queries whether a peer serves a contract, without fetching the peer's contracts. `.await`
    /// the query, or call [`ContractQuery::wait`] outside async code.
    ///
    /// The query compares [fingerprints](crate::contract::Method::fingerprint) of methods, so
    /// methods that the contract lacks do not matter. A method that differs may still serve a
    /// caller, for example one with another optional argument: [`describe`](Self::describe) shows
    /// the difference.
    ///
    /// ```
    /// use rpcudp::{Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    /// }
    /// # struct Noon;
    /// # impl Clock for Noon {
    /// #     fn hour(&self) -> u8 {
    /// #         12
    /// #     }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Endpoint::builder().serve_described(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    /// # let peer = server.local_addr();
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let differences = endpoint.compare(peer, ClockClient::CONTRACT).await?;
    /// assert!(differences.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`describe`](Self::describe).
    pub fn compare(&self, peer: SocketAddr, contract: &Contract) -> ContractQuery<Differences> {
        ContractQuery::compare(self, peer, contract)
    }
}
