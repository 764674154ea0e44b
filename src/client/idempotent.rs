/// The type of a call says that its method is `at_least_once`: the server may run it more than
/// once, also at several peers.
///
/// `lookup` of `#[rpc(at_least_once)] fn lookup(&self) -> u64` returns
/// `Call<u64, NoError, AtLeastOnce>`.
#[derive(Clone, Copy, Debug)]
pub enum AtLeastOnce {}

/// The type of a call says that its method is not `at_least_once`. The default of
/// [`Call`](crate::Call).
#[derive(Clone, Copy, Debug)]
pub enum NotRepeatable {}

/// The deliveries that allow a request to a second peer while the first may run it: only
/// [`AtLeastOnce`].
#[diagnostic::on_unimplemented(
    message = "only a call of an `at_least_once` method may be hedged",
    label = "the contract does not allow that two peers run this method for one call",
    note = "remove `.hedged()`; or, if the method may run twice, mark it with `#[rpc(at_least_once)]` in the contract, in place \
            of another delivery"
)]
pub trait Hedgeable: sealed::Sealed {}

impl Hedgeable for AtLeastOnce {}

mod sealed {
    #[expect(unnameable_types, reason = "seals Hedgeable: only AtLeastOnce implements it")]
    pub trait Sealed {}
}

impl sealed::Sealed for AtLeastOnce {}
