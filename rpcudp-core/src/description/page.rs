use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::part::Part;

/// Some of a description's parts, one after the other.
///
/// As data it is an array: how many parts there are in all, those that are here, and a number that another description has
/// another of. What is read may have more elements, which are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many parts there are in all.
    pub total: u32,
    /// Those on this page.
    pub parts: Vec<Part>,
    /// Another number if the description is another: pages of two do not belong together.
    pub version: u64,
}

impl Serialize for Page {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.total, &self.parts, self.version).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(PageVisitor)
    }
}

struct PageVisitor;

impl<'de> Visitor<'de> for PageVisitor {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page: an array of how many parts there are, some of them, and a version")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Page, A::Error> {
        let missing = |len| A::Error::invalid_length(len, &Self);
        let total = array.next_element()?.ok_or_else(|| missing(0))?;
        let parts = array.next_element()?.ok_or_else(|| missing(1))?;
        let version = array.next_element()?.ok_or_else(|| missing(2))?;
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Page { total, parts, version })
    }
}
