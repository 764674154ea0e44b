//! Contracts that a peer requires when it joins.

use rpcudp::session::{JoinError, Sessions};
use rpcudp::{Endpoint, rpc_service};

use super::fixture::{EventsClient, LobbyClient, Scene, server_addr};
use crate::support::bind;

mod changed {
    use rpcudp::{Context, rpc_service};

    #[rpc_service]
    pub(super) trait Lobby {
        fn open(&self) -> u16;
        #[rpc(session, at_least_once)]
        fn number(&self, cx: &Context) -> u32;
        fn gone(&self);
    }
}

mod aliased {
    use rpcudp::rpc_service;

    #[rpc_service]
    pub(super) trait Renamed {
        #[rpc(alias = "before")]
        fn after(&self, number: u8) -> u8;
    }

    #[rpc_service]
    pub(super) trait Earlier {
        fn before(&self, number: u8) -> u8;
    }
}

#[tokio::test(start_paused = true)]
async fn mismatch_names_missing_methods_and_prints_both_signatures() {
    let scene = Scene::new(1, Sessions::new());
    let endpoint = scene.player(1);
    let session = endpoint.join(server_addr()).require::<LobbyClient>().await.unwrap();
    session.leave().await;
    let error = endpoint.join(server_addr()).require::<changed::LobbyClient>().await.unwrap_err();
    let expected = "cannot join 10.0.0.1:7000: the server has another contract
  `gone` is missing
  `open` differs:
    required: fn open(&self) -> u16
    served:   fn open(&self) -> u8";
    assert_eq!(error.to_string(), expected);
    let JoinError::ContractMismatch { source, .. } = error else { panic!("{error:?}") };
    assert_eq!((&*source.missing, source.changed.len()), (&["gone".to_owned()][..], 1));
    assert_eq!(scene.server.stats().sessions.members, 0);
    // Several contracts may be required.
    let error = endpoint.join(server_addr()).require::<LobbyClient>().require::<EventsClient>().await.unwrap_err();
    let JoinError::ContractMismatch { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.missing, ["started", "name"]);
}

/// Declares a contract `Shop` whose `Item` has these fields.
macro_rules! shop {
    ($name:ident: $($field:ident: $ty:ty),*) => {
        #[allow(dead_code, reason = "no method is called")]
        mod $name {
            #[derive(serde::Deserialize, rpcudp::Schema, serde::Serialize)]
            pub(super) struct Item {
                $($field: $ty),*
            }

            #[rpcudp::rpc_service]
            pub(super) trait Shop {
                fn buy(&self, items: Vec<Item>);
            }

            pub(super) struct Service;

            impl Shop for Service {
                fn buy(&self, _: Vec<Item>) {}
            }
        }
    };
}

shop!(shop: name: String);
shop!(same_shop: name: String);
shop!(grown_shop: name: String, cents: u64);

#[tokio::test(start_paused = true)]
async fn structs_of_one_name_with_other_fields_are_a_mismatch() {
    let network = rpcudp::sim::Network::new(1);
    let builder = Endpoint::builder().sessions(Sessions::new()).serve(shop::ShopServer::new(shop::Service));
    let _server = bind(&network, "10.0.0.1:7000", builder);
    let endpoint = bind(&network, "10.0.0.2:7000", Endpoint::builder());
    endpoint.join(server_addr()).require::<shop::ShopClient>().await.unwrap().leave().await;
    endpoint.join(server_addr()).require::<same_shop::ShopClient>().await.unwrap().leave().await;
    let error = endpoint.join(server_addr()).require::<grown_shop::ShopClient>().await.unwrap_err();
    let expected = "cannot join 10.0.0.1:7000: the server has another contract
  `buy` differs:
    required: fn buy(&self, items: Vec<Item>)
    served:   fn buy(&self, items: Vec<Item>)
    (a type of the same name has other fields: `rpcudp describe` prints the server's)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn earlier_name_of_a_method_is_served() {
    struct Service;
    impl aliased::Renamed for Service {
        fn after(&self, number: u8) -> u8 {
            number
        }
    }
    let network = rpcudp::sim::Network::new(1);
    let builder = Endpoint::builder().sessions(Sessions::new()).serve(aliased::RenamedServer::new(Service));
    let _server = bind(&network, "10.0.0.1:7000", builder);
    let endpoint = bind(&network, "10.0.0.2:7000", Endpoint::builder());
    endpoint.join(server_addr()).require::<aliased::EarlierClient>().await.unwrap().leave().await;
}

#[rpc_service]
trait Wide {
    fn a(&self, numbers: Vec<u8>);
}

#[tokio::test(start_paused = true)]
async fn too_many_methods_are_an_error_of_the_caller() {
    let scene = Scene::new(1, Sessions::new());
    let mut join = scene.player(1).join(server_addr());
    for _ in 0..151 {
        join = join.require::<WideClient>();
    }
    let error = join.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the required contracts have 151 methods, and a request to join carries 150: require fewer"
    );
    assert_eq!(WideClient::CONTRACT.methods.len(), 1);
}
