//! A contract in a crate of edition 2015, which takes `async` and `await` for names.

#![allow(missing_docs, unreachable_pub, keyword_idents, reason = "the edition is that of an old crate")]

extern crate rpcudp;
extern crate tokio;

use rpcudp::{rpc_service, Endpoint};

#[rpc_service]
pub trait Old {
    fn async(&self, await: u8) -> u8;
    fn next(&self, number: u8) -> u8 {
        self.async(number) + 1
    }
}

struct Service;

impl Old for Service {
    fn async(&self, await: u8) -> u8 {
        await
    }
}

#[test]
fn contract_of_edition_2015_answers() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _guard = runtime.enter();
    let server = Endpoint::builder().serve(OldServer::new(Service)).bind("127.0.0.1:0").wait().unwrap();
    let client = OldClient::new(&server, server.local_addr());
    assert_eq!((client.async(1).wait().unwrap(), client.next(2).wait().unwrap()), (1, 3));
}
