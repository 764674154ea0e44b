/// The delivery of a method's requests: whether the caller retransmits them, and how the server
/// treats duplicates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// Sent once. Runs each time the request arrives. Python's delivery.
    #[default]
    Maybe,
    /// Retransmitted until a response arrives. Duplicates are dropped while the handler runs, and
    /// run after that.
    AtLeastOnce,
    /// Retransmitted until a response arrives. Runs once in the life of the server's process, and
    /// duplicates get the stored response.
    AtMostOnce,
    /// Sent once. Runs each time the request arrives, and no response is sent.
    OneWay,
}

impl Delivery {
    pub(super) const ALL: [Self; 4] = [Self::Maybe, Self::AtLeastOnce, Self::AtMostOnce, Self::OneWay];

    /// Returns the name: `maybe`, which is the default, or the option in `#[rpc(...)]`, which is
    /// `at_least_once`, `at_most_once` or `oneway`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Maybe => "maybe",
            Self::AtLeastOnce => "at_least_once",
            Self::AtMostOnce => "at_most_once",
            Self::OneWay => "oneway",
        }
    }

    /// Whether a request is retransmitted until a response arrives.
    #[must_use]
    pub const fn is_retransmitted(self) -> bool {
        matches!(self, Self::AtLeastOnce | Self::AtMostOnce)
    }
}
