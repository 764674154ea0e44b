/// The contract that both sides compile against.
pub trait Greeter {
    /// Returns a greeting with the caller's address.
    fn sayhi(&self, cx: &Context, name: &str) -> String;
    /// Returns the value of a key.
    fn lookup(
        &self,
        key: &[u8],
    ) -> impl ::core::future::Future<Output = Option<Vec<u8>>> + ::core::marker::Send;
    /// Takes money out, and returns the balance.
    fn withdraw(
        &self,
        cents: u64,
    ) -> impl ::core::future::Future<
        Output = Result<u64, Overdrawn>,
    > + ::core::marker::Send;
    /// Passes a rumour on.
    fn gossip(&self, rumour: Rumour<'_>);
}

/// Calls the methods of a [`Greeter`] that a peer serves.
pub struct GreeterClient {
    stub: ::rpcudp::__private::Stub,
}

/// Serves an implementation of [`Greeter`].
pub struct GreeterServer<S: ?::core::marker::Sized> {
    service: ::std::sync::Arc<S>,
}

const _: () = {
    ::rpcudp::__private::locals!(
        name, key, cents, rumour, arguments, cx, f, incoming, peer, peers, request,
        server, service, stub, timeout, via
    );
    impl GreeterClient {
        /// The contract as data: it can be printed, compared and sent.
        pub const CONTRACT: &'static ::rpcudp::contract::Contract = <Self as ::rpcudp::Client>::CONTRACT;
        /// Returns a client that calls `peer` through an `Endpoint`, or through the
        /// endpoint of a request's `Context`.
        ///
        /// An address parses: `"127.0.0.1:1234".parse()?`. A host name needs the resolver,
        /// as in `tokio::net::lookup_host("example.org:1234").await?.next()`.
        pub fn new(
            via: &impl ::rpcudp::AsEndpoint,
            peer: ::std::net::SocketAddr,
        ) -> Self {
            <Self as ::rpcudp::Client>::new(via, peer)
        }
        /// Returns a client that calls a group of peers. Each call picks its peer: the less
        /// loaded of two that are drawn at random.
        pub fn group(via: &impl ::rpcudp::AsEndpoint, peers: ::rpcudp::Peers) -> Self {
            <Self as ::rpcudp::Client>::group(via, peers)
        }
        /// Returns a client of the same group whose calls go to the peer of a key, as long
        /// as that peer is available.
        #[must_use]
        pub fn by(&self, key: impl ::core::convert::AsRef<[u8]>) -> Self {
            <Self as ::rpcudp::Client>::by(self, key)
        }
        /// Returns the peers of the group with their health. Empty for a client of one
        /// peer.
        #[must_use]
        pub fn peers(&self) -> ::std::vec::Vec<::rpcudp::PeerStatus> {
            <Self as ::rpcudp::Client>::peers(self)
        }
        ::rpcudp::__private::client_links! {
            pub secure
        }
        ::rpcudp::__private::client_links! {
            pub back
        }
        ::rpcudp::__private::client_links! {
            pub peer_id
        }
        /// Returns a client that calls another peer, and no group.
        #[must_use]
        pub fn with_peer(&self, peer: ::std::net::SocketAddr) -> Self {
            <Self as ::rpcudp::Client>::with_peer(self, peer)
        }
        /// Returns a client with another timeout, in place of those of the contract and the
        /// endpoint. `Call::timeout` overrides it for one call.
        #[must_use]
        pub fn with_timeout(&self, timeout: ::core::time::Duration) -> Self {
            <Self as ::rpcudp::Client>::with_timeout(self, timeout)
        }
        /// Returns the address of the peer that this client calls, or `0.0.0.0:0` if it
        /// calls a group.
        #[must_use]
        pub fn peer(&self) -> ::std::net::SocketAddr {
            <Self as ::rpcudp::Client>::peer(self)
        }
        /// Returns the endpoint that this client calls through.
        pub fn endpoint(&self) -> &::rpcudp::Endpoint {
            <Self as ::rpcudp::Client>::endpoint(self)
        }
    }
    #[allow(
        clippy::all,
        clippy::pedantic,
        reason = "lints apply to the signatures of the trait"
    )]
    impl GreeterClient {
        /// Returns a greeting with the caller's address.
        ///
        /// Calls `sayhi`: sends the request once. Timeout: the endpoint's.
        pub fn sayhi(&self, name: &str) -> ::rpcudp::Call<String> {
            use ::rpcudp::__private::{CallSpec, Delivery, Stub};
            static SPEC: CallSpec = CallSpec::new(
                "sayhi",
                1,
                Delivery::Maybe,
                ::core::option::Option::None,
            );
            Stub::request(&self.stub, &SPEC).argument(name).call()
        }
        /// Returns the value of a key.
        ///
        /// Calls `lookup` at least once: retransmits until the response. Timeout: the endpoint's.
        pub fn lookup(
            &self,
            key: &[u8],
        ) -> ::rpcudp::Call<Option<Vec<u8>>, ::rpcudp::NoError, ::rpcudp::AtLeastOnce> {
            use ::rpcudp::__private::{CallSpec, Delivery, Stub};
            static SPEC: CallSpec = CallSpec::new(
                "lookup",
                1,
                Delivery::AtLeastOnce,
                ::core::option::Option::None,
            );
            Stub::request(&self.stub, &SPEC).argument(key).call()
        }
        /// Takes money out, and returns the balance.
        ///
        /// Calls `withdraw` at most once: retransmits until the response. Timeout: 2s.
        /// Asks again until the peer is ready.
        pub fn withdraw(&self, cents: u64) -> ::rpcudp::CallOf<Result<u64, Overdrawn>> {
            use ::rpcudp::__private::{CallSpec, Delivery, Stub};
            static SPEC: CallSpec = CallSpec::new(
                    "withdraw",
                    1,
                    Delivery::AtMostOnce,
                    ::core::option::Option::Some(::core::time::Duration::from_secs(2)),
                )
                .wait_for_ready();
            Stub::request(&self.stub, &SPEC).argument(&cents).fallible_call()
        }
        /// Passes a rumour on.
        ///
        /// Calls `gossip` one way: sends the request once, without a response.
        /// A call that is dropped, also by `let _ =`, is never sent.
        pub fn gossip(&self, rumour: Rumour<'_>) -> ::rpcudp::Call<()> {
            use ::rpcudp::__private::{CallSpec, Delivery, Stub};
            static SPEC: CallSpec = CallSpec::new(
                "gossip",
                1,
                Delivery::OneWay,
                ::core::option::Option::None,
            );
            Stub::request(&self.stub, &SPEC).argument(&rumour).call()
        }
    }
    impl ::rpcudp::Client for GreeterClient {
        const CONTRACT: &'static ::rpcudp::contract::Contract = {
            use ::rpcudp::__private::{list, text};
            use ::rpcudp::contract::{Argument, Contract, Delivery, Method};
            use ::rpcudp::__private::schema::NoSchema as __NoSchema;
            const _: ::rpcudp::__private::schema::Mention = <::rpcudp::__private::schema::Probe<
                (),
            > as __NoSchema>::LEVEL_0;
            const TYPES: &[::rpcudp::__private::schema::Mention] = &[
                ::rpcudp::__private::schema::Probe::<Result<u64, Overdrawn>>::LEVEL_8,
                ::rpcudp::__private::schema::Probe::<Overdrawn>::LEVEL_8,
                ::rpcudp::__private::schema::Probe::<Rumour<'_>>::LEVEL_8,
            ];
            const DEFINITIONS: &[::rpcudp::__private::schema::Definition] = &::rpcudp::__private::schema::definitions::<
                { ::rpcudp::__private::schema::definition_count(TYPES) },
            >(TYPES);
            const METHODS: &[Method] = &[
                Method {
                    name: text("sayhi"),
                    wire_name: text("sayhi"),
                    doc: text("Returns a greeting with the caller's address."),
                    arguments: list(const {
                        &[
                            Argument {
                                name: text("name"),
                                ty: text("&str"),
                            },
                        ]
                    }),
                    returns: text("String"),
                    ..Method::EMPTY
                },
                Method {
                    name: text("lookup"),
                    wire_name: text("lookup"),
                    doc: text("Returns the value of a key."),
                    arguments: list(const {
                        &[
                            Argument {
                                name: text("key"),
                                ty: text("&[u8]"),
                            },
                        ]
                    }),
                    returns: text("Option<Vec<u8>>"),
                    delivery: Delivery::AtLeastOnce,
                    is_async: true,
                    ..Method::EMPTY
                },
                Method {
                    name: text("withdraw"),
                    wire_name: text("withdraw"),
                    doc: text("Takes money out, and returns the balance."),
                    arguments: list(const {
                        &[
                            Argument {
                                name: text("cents"),
                                ty: text("u64"),
                            },
                        ]
                    }),
                    returns: text("Result<u64, Overdrawn>"),
                    fallible: true,
                    delivery: Delivery::AtMostOnce,
                    timeout: ::core::option::Option::Some(
                        ::core::time::Duration::from_secs(2),
                    ),
                    is_async: true,
                    wait_for_ready: true,
                    structure: ::rpcudp::__private::schema::structure(
                        &[
                            ::rpcudp::__private::schema::Probe::<
                                Result<u64, Overdrawn>,
                            >::LEVEL_8,
                            ::rpcudp::__private::schema::Probe::<Overdrawn>::LEVEL_8,
                        ],
                    ),
                    ..Method::EMPTY
                },
                Method {
                    name: text("gossip"),
                    wire_name: text("gossip"),
                    doc: text("Passes a rumour on."),
                    arguments: list(const {
                        &[
                            Argument {
                                name: text("rumour"),
                                ty: text("Rumour<'_>"),
                            },
                        ]
                    }),
                    delivery: Delivery::OneWay,
                    structure: ::rpcudp::__private::schema::structure(
                        &[::rpcudp::__private::schema::Probe::<Rumour<'_>>::LEVEL_8],
                    ),
                    ..Method::EMPTY
                },
            ];
            &Contract {
                name: text("Greeter"),
                doc: text("The contract that both sides compile against."),
                methods: list(METHODS),
                definitions: list(DEFINITIONS),
                ..Contract::EMPTY
            }
        };
        fn from_stub(stub: ::rpcudp::__private::Stub) -> Self {
            Self { stub }
        }
        fn stub(&self) -> &::rpcudp::__private::Stub {
            &self.stub
        }
    }
    impl ::core::clone::Clone for GreeterClient {
        fn clone(&self) -> Self {
            ::rpcudp::Client::from_stub(::core::clone::Clone::clone(&self.stub))
        }
    }
    impl ::core::fmt::Debug for GreeterClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::rpcudp::__private::Stub::describe(
                &self.stub,
                ::core::stringify!(GreeterClient),
                f,
            )
        }
    }
    impl<S: ?::core::marker::Sized> GreeterServer<S> {
        /// Returns a server for `service`.
        #[must_use]
        pub fn new(service: S) -> Self
        where
            S: ::core::marker::Sized,
        {
            Self::from_arc(::std::sync::Arc::new(service))
        }
        /// Returns a server for a service that the program shares, or for a trait object, such
        /// as `Arc<dyn Trait + Send + Sync>`.
        #[must_use]
        pub const fn from_arc(service: ::std::sync::Arc<S>) -> Self {
            Self { service }
        }
    }
    #[allow(
        clippy::all,
        clippy::pedantic,
        reason = "lints apply to the signatures of the trait"
    )]
    impl<S: ?::core::marker::Sized> ::rpcudp::Service for GreeterServer<S>
    where
        S: Greeter + ::core::marker::Send + ::core::marker::Sync + 'static,
    {
        const NAME: &'static str = "Greeter";
        const CONTRACT: &'static ::rpcudp::contract::Contract = <GreeterClient as ::rpcudp::Client>::CONTRACT;
        const METHODS: &'static [::rpcudp::__private::Method<Self>] = {
            use ::rpcudp::__private::{
                Delivery, IsResult, Method, as_context, no_response, respond,
                respond_result,
            };
            &[
                Method {
                    name: "sayhi",
                    delivery: Delivery::Maybe,
                    call: |server, incoming| {
                        incoming
                            .run(|cx, arguments| {
                                let name = arguments.take("name")?;
                                respond(
                                    <S as Greeter>::sayhi(&server.service, as_context(cx), name),
                                )
                            })
                    },
                },
                Method {
                    name: "lookup",
                    delivery: Delivery::AtLeastOnce,
                    call: |server, incoming| {
                        let service = ::core::clone::Clone::clone(&server.service);
                        incoming
                            .spawn(move |request| async move {
                                let key = request.arguments().take("key")?;
                                respond(<S as Greeter>::lookup(&service, key).await)
                            })
                    },
                },
                Method {
                    name: "withdraw",
                    delivery: Delivery::AtMostOnce,
                    call: |server, incoming| {
                        let service = ::core::clone::Clone::clone(&server.service);
                        incoming
                            .spawn(move |request| async move {
                                let cents = request.arguments().take("cents")?;
                                respond_result(
                                    IsResult::into_result(
                                        <S as Greeter>::withdraw(&service, cents).await,
                                    ),
                                )
                            })
                    },
                },
                Method {
                    name: "gossip",
                    delivery: Delivery::OneWay,
                    call: |server, incoming| {
                        incoming
                            .run(|_, arguments| {
                                let rumour = arguments.take("rumour")?;
                                no_response(<S as Greeter>::gossip(&server.service, rumour))
                            })
                    },
                },
            ]
        };
    }
    impl<S: ?::core::marker::Sized> ::core::clone::Clone for GreeterServer<S> {
        fn clone(&self) -> Self {
            Self::from_arc(::core::clone::Clone::clone(&self.service))
        }
    }
    impl<S: ?::core::marker::Sized> ::core::fmt::Debug for GreeterServer<S> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Formatter::write_str(f, ::core::stringify!(GreeterServer))
        }
    }
    const _: fn() = || {
        let _ = GreeterClient::CONTRACT;
        let _: fn(&::rpcudp::Endpoint, ::std::net::SocketAddr) -> _ = GreeterClient::new;
        let _: fn(&::rpcudp::Endpoint, ::rpcudp::Peers) -> _ = GreeterClient::group;
        let _: fn(&_, &'static [u8]) -> _ = GreeterClient::by;
        let _ = GreeterClient::peers;
        ::rpcudp::__private::use_client_links! {
            secure GreeterClient
        }
        ::rpcudp::__private::use_client_links! {
            back GreeterClient
        }
        ::rpcudp::__private::use_client_links! {
            peer_id GreeterClient
        }
        let _ = GreeterClient::with_peer;
        let _ = GreeterClient::with_timeout;
        let _ = GreeterClient::peer;
        let _ = GreeterClient::endpoint;
        let _ = GreeterServer::<()>::new;
    };
};
