use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The addresses that are peers, if a name has some of both families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Families {
    /// IPv4, or IPv6 if there is none: a host with an address of each is one peer.
    #[default]
    One,
    Both,
}

impl Families {
    pub(crate) fn select(self, addrs: impl IntoIterator<Item = SocketAddr>) -> BTreeSet<SocketAddr> {
        let mut addrs = BTreeSet::from_iter(addrs);
        if self == Self::One && addrs.iter().any(SocketAddr::is_ipv4) {
            addrs.retain(SocketAddr::is_ipv4);
        }
        addrs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_is_taken_before_ipv6_unless_both_are() {
        let [v4, v6] = ["10.0.0.1:7", "[fd00::1]:7"].map(|text| text.parse().unwrap());
        assert_eq!(Families::One.select([v6, v4]), [v4].into());
        assert_eq!(Families::One.select([v6]), [v6].into());
        assert_eq!(Families::Both.select([v6, v4]), [v4, v6].into());
    }
}
