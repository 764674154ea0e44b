trait Store<K = String>
where
    K: Serialize + DeserializeOwned + Send + Sync,
    Self::Value: Clone,
{
    type Value: Serialize + DeserializeOwned;
    fn clear(&self);
    fn put(&self, key: K, value: Self::Value) -> Option<Self::Value>;
    fn fetch(
        &self,
        cx: Context,
        key: &K,
        versions: &[u16],
    ) -> impl ::core::future::Future<
        Output = Result<Self::Value>,
    > + ::core::marker::Send;
}

/// Calls the methods of a [`Store`] that a peer serves.
struct StoreClient<Value, K = String> {
    stub: ::rpcudp::__private::Stub,
    contract: ::core::marker::PhantomData<fn() -> (Value, K)>,
}

/// Serves an implementation of [`Store`].
struct StoreServer<S: ?::core::marker::Sized, K = String> {
    service: ::std::sync::Arc<S>,
    contract: ::core::marker::PhantomData<fn() -> (K,)>,
}

const _: () = {
    ::rpcudp::__private::locals!(
        key, value, versions, arguments, cx, f, incoming, peer, peers, request, server,
        service, stub, timeout, via
    );
    impl<Value, K> StoreClient<Value, K> {
        /// The contract as data: it can be printed, compared and sent.
        const CONTRACT: &'static ::rpcudp::contract::Contract = <Self as ::rpcudp::Client>::CONTRACT;
        /// Returns a client that calls `peer` through an `Endpoint`, or through the
        /// endpoint of a request's `Context`.
        ///
        /// An address parses: `"127.0.0.1:1234".parse()?`. A host name needs the resolver,
        /// as in `tokio::net::lookup_host("example.org:1234").await?.next()`.
        fn new(via: &impl ::rpcudp::AsEndpoint, peer: ::std::net::SocketAddr) -> Self {
            <Self as ::rpcudp::Client>::new(via, peer)
        }
        /// Returns a client that calls a group of peers. Each call picks its peer: the less
        /// loaded of two that are drawn at random.
        fn group(via: &impl ::rpcudp::AsEndpoint, peers: ::rpcudp::Peers) -> Self {
            <Self as ::rpcudp::Client>::group(via, peers)
        }
        /// Returns a client of the same group whose calls go to the peer of a key, as long
        /// as that peer is available.
        #[must_use]
        fn by(&self, key: impl ::core::convert::AsRef<[u8]>) -> Self {
            <Self as ::rpcudp::Client>::by(self, key)
        }
        /// Returns the peers of the group with their health. Empty for a client of one
        /// peer.
        #[must_use]
        fn peers(&self) -> ::std::vec::Vec<::rpcudp::PeerStatus> {
            <Self as ::rpcudp::Client>::peers(self)
        }
        ::rpcudp::__private::client_links! {
            secure
        }
        ::rpcudp::__private::client_links! {
            back
        }
        ::rpcudp::__private::client_links! {
            peer_id
        }
        /// Returns a client that calls another peer, and no group.
        #[must_use]
        fn with_peer(&self, peer: ::std::net::SocketAddr) -> Self {
            <Self as ::rpcudp::Client>::with_peer(self, peer)
        }
        /// Returns a client with another timeout, in place of those of the contract and the
        /// endpoint. `Call::timeout` overrides it for one call.
        #[must_use]
        fn with_timeout(&self, timeout: ::core::time::Duration) -> Self {
            <Self as ::rpcudp::Client>::with_timeout(self, timeout)
        }
        /// Returns the address of the peer that this client calls, or `0.0.0.0:0` if it
        /// calls a group.
        #[must_use]
        fn peer(&self) -> ::std::net::SocketAddr {
            <Self as ::rpcudp::Client>::peer(self)
        }
        /// Returns the endpoint that this client calls through.
        fn endpoint(&self) -> &::rpcudp::Endpoint {
            <Self as ::rpcudp::Client>::endpoint(self)
        }
    }
    #[allow(
        clippy::all,
        clippy::pedantic,
        reason = "lints apply to the signatures of the trait"
    )]
    impl<Value: Serialize + DeserializeOwned, K> StoreClient<Value, K>
    where
        K: Serialize + DeserializeOwned + Send + Sync,
        Value: Clone,
    {
        /// Calls `store.clear`: sends the request once. Timeout: the endpoint's.
        fn clear(&self) -> ::rpcudp::Call<()> {
            use ::rpcudp::__private::{CallSpec, Delivery, Stub};
            static SPEC: CallSpec = CallSpec::new(
                "store.clear",
                0,
                Delivery::Maybe,
                ::core::option::Option::None,
            );
            Stub::request(&self.stub, &SPEC).call()
        }
        /// Calls `store.set`: sends the request once. Timeout: 300ms.
        fn put(&self, key: K, value: Value) -> ::rpcudp::Call<Option<Value>> {
            use ::rpcudp::__private::{CallSpec, Delivery, Stub};
            static SPEC: CallSpec = CallSpec::new(
                "store.set",
                2,
                Delivery::Maybe,
                ::core::option::Option::Some(::core::time::Duration::from_millis(300)),
            );
            Stub::request(&self.stub, &SPEC).argument(&key).argument(&value).call()
        }
        /// Calls `store.fetch`: sends the request once. Timeout: the endpoint's.
        fn fetch(&self, key: &K, versions: &[u16]) -> ::rpcudp::CallOf<Result<Value>> {
            use ::rpcudp::__private::{CallSpec, Delivery, Stub};
            static SPEC: CallSpec = CallSpec::new(
                "store.fetch",
                2,
                Delivery::Maybe,
                ::core::option::Option::None,
            );
            Stub::request(&self.stub, &SPEC)
                .argument(key)
                .argument(versions)
                .fallible_call()
        }
    }
    impl<Value, K> ::rpcudp::Client for StoreClient<Value, K> {
        const CONTRACT: &'static ::rpcudp::contract::Contract = {
            use ::rpcudp::__private::{list, text};
            use ::rpcudp::contract::{Argument, AssociatedType, Contract, Method};
            const METHODS: &[Method] = &[
                Method {
                    name: text("clear"),
                    wire_name: text("store.clear"),
                    ..Method::EMPTY
                },
                Method {
                    name: text("put"),
                    wire_name: text("store.set"),
                    arguments: list(const {
                        &[
                            Argument {
                                name: text("key"),
                                ty: text("K"),
                            },
                            Argument {
                                name: text("value"),
                                ty: text("Self::Value"),
                            },
                        ]
                    }),
                    returns: text("Option<Self::Value>"),
                    timeout: ::core::option::Option::Some(
                        ::core::time::Duration::from_millis(300),
                    ),
                    is_blocking: true,
                    ..Method::EMPTY
                },
                Method {
                    name: text("fetch"),
                    wire_name: text("store.fetch"),
                    arguments: list(const {
                        &[
                            Argument {
                                name: text("key"),
                                ty: text("&K"),
                            },
                            Argument {
                                name: text("versions"),
                                ty: text("&[u16]"),
                            },
                        ]
                    }),
                    returns: text("Result<Self::Value>"),
                    fallible: true,
                    is_async: true,
                    ..Method::EMPTY
                },
            ];
            &Contract {
                name: text("Store"),
                namespace: text("store."),
                generics: text("K = String"),
                bounds: list(const {
                    &[
                        text("K: Serialize + DeserializeOwned + Send + Sync"),
                        text("Self::Value: Clone"),
                    ]
                }),
                types: list(const {
                    &[
                        AssociatedType {
                            name: text("Value"),
                            bounds: text("Serialize + DeserializeOwned"),
                        },
                    ]
                }),
                methods: list(METHODS),
                ..Contract::EMPTY
            }
        };
        fn from_stub(stub: ::rpcudp::__private::Stub) -> Self {
            Self {
                stub,
                contract: ::core::marker::PhantomData,
            }
        }
        fn stub(&self) -> &::rpcudp::__private::Stub {
            &self.stub
        }
    }
    impl<Value, K> ::core::clone::Clone for StoreClient<Value, K> {
        fn clone(&self) -> Self {
            ::rpcudp::Client::from_stub(::core::clone::Clone::clone(&self.stub))
        }
    }
    impl<Value, K> ::core::fmt::Debug for StoreClient<Value, K> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::rpcudp::__private::Stub::describe(
                &self.stub,
                ::core::stringify!(StoreClient),
                f,
            )
        }
    }
    impl<S: ?::core::marker::Sized, K> StoreServer<S, K> {
        /// Returns a server for `service`.
        #[must_use]
        fn new(service: S) -> Self
        where
            S: ::core::marker::Sized,
        {
            Self::from_arc(::std::sync::Arc::new(service))
        }
        /// Returns a server for a service that the program shares, or for a trait object, such
        /// as `Arc<dyn Trait + Send + Sync>`.
        #[must_use]
        const fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self {
                service,
                contract: ::core::marker::PhantomData,
            }
        }
    }
    #[allow(
        clippy::all,
        clippy::pedantic,
        reason = "lints apply to the signatures of the trait"
    )]
    impl<S: ?::core::marker::Sized, K> ::rpcudp::Service for StoreServer<S, K>
    where
        S: Store<K> + ::core::marker::Send + ::core::marker::Sync + 'static,
        K: 'static,
        K: Serialize + DeserializeOwned + Send + Sync,
        S::Value: Clone,
    {
        const NAME: &'static str = "Store";
        const CONTRACT: &'static ::rpcudp::contract::Contract = <StoreClient<
            <S as Store<K>>::Value,
            K,
        > as ::rpcudp::Client>::CONTRACT;
        const METHODS: &'static [::rpcudp::__private::Method<Self>] = {
            use ::rpcudp::__private::{
                ArgumentOf, Delivery, IsResult, Method, as_context, as_slice, respond,
                respond_result,
            };
            &[
                Method {
                    name: "store.clear",
                    delivery: Delivery::Maybe,
                    call: |server, incoming| {
                        incoming
                            .run(|_, _| {
                                respond(<S as Store<K>>::clear(&server.service))
                            })
                    },
                },
                Method {
                    name: "store.set",
                    delivery: Delivery::Maybe,
                    call: |server, incoming| {
                        let service = ::core::clone::Clone::clone(&server.service);
                        incoming
                            .run_blocking(move |request| {
                                let (key, value) = {
                                    let mut arguments = request.arguments();
                                    (arguments.take("key")?, arguments.take("value")?)
                                };
                                respond(<S as Store<K>>::put(&service, key, value))
                            })
                    },
                },
                Method {
                    name: "store.fetch",
                    delivery: Delivery::Maybe,
                    call: |server, incoming| {
                        let service = ::core::clone::Clone::clone(&server.service);
                        incoming
                            .spawn(move |request| async move {
                                let (key, versions) = {
                                    let mut arguments = request.arguments();
                                    (
                                        ArgumentOf::<K>::TYPE.decode(&mut arguments, "key")?,
                                        arguments.take("versions")?,
                                    )
                                };
                                respond_result(
                                    IsResult::into_result(
                                        <S as Store<
                                            K,
                                        >>::fetch(
                                                &service,
                                                ::core::clone::Clone::clone(as_context(request.context())),
                                                &key,
                                                as_slice(&versions),
                                            )
                                            .await,
                                    ),
                                )
                            })
                    },
                },
            ]
        };
    }
    impl<S: ?::core::marker::Sized, K> ::core::clone::Clone for StoreServer<S, K> {
        fn clone(&self) -> Self {
            Self::from_arc(::core::clone::Clone::clone(&self.service))
        }
    }
    impl<S: ?::core::marker::Sized, K> ::core::fmt::Debug for StoreServer<S, K> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Formatter::write_str(f, ::core::stringify!(StoreServer))
        }
    }
    const _: fn() = || {
        let _ = StoreClient::<(), ()>::CONTRACT;
        let _: fn(&::rpcudp::Endpoint, ::std::net::SocketAddr) -> _ = StoreClient::<
            (),
            (),
        >::new;
        let _: fn(&::rpcudp::Endpoint, ::rpcudp::Peers) -> _ = StoreClient::<
            (),
            (),
        >::group;
        let _: fn(&_, &'static [u8]) -> _ = StoreClient::<(), ()>::by;
        let _ = StoreClient::<(), ()>::peers;
        ::rpcudp::__private::use_client_links! {
            secure StoreClient:: < (), () >
        }
        ::rpcudp::__private::use_client_links! {
            back StoreClient:: < (), () >
        }
        ::rpcudp::__private::use_client_links! {
            peer_id StoreClient:: < (), () >
        }
        let _ = StoreClient::<(), ()>::with_peer;
        let _ = StoreClient::<(), ()>::with_timeout;
        let _ = StoreClient::<(), ()>::peer;
        let _ = StoreClient::<(), ()>::endpoint;
        let _ = StoreServer::<(), ()>::new;
    };
};
