/// What a method promises about its requests: whether they are sent again where no answer comes, and what becomes of
/// those that arrive twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// Sent once; runs whenever it arrives. What Python does.
    #[default]
    Maybe,
    /// Sent until it is answered; runs whenever it arrives.
    AtLeastOnce,
    /// Sent until it is answered; runs when it first arrives, and answers copies from memory.
    AtMostOnce,
    /// Sent once; runs whenever it arrives, and is not answered.
    OneWay,
}

impl Delivery {
    pub(super) const ALL: [Self; 4] = [Self::Maybe, Self::AtLeastOnce, Self::AtMostOnce, Self::OneWay];

    /// Its name, which is that of the option in `#[rpc(...)]`: `at_least_once`, `at_most_once`, `oneway`; and `maybe`,
    /// which goes without saying.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Maybe => "maybe",
            Self::AtLeastOnce => "at_least_once",
            Self::AtMostOnce => "at_most_once",
            Self::OneWay => "oneway",
        }
    }

    /// Whether a request is sent again until it is answered.
    #[must_use]
    pub const fn is_retransmitted(self) -> bool {
        matches!(self, Self::AtLeastOnce | Self::AtMostOnce)
    }
}
