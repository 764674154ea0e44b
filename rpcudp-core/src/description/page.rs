use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::part::Part;

/// Consecutive parts of a description.
///
/// A page is encoded as an array: the total number of parts, the parts of this page, and the
/// version. Decoding ignores additional elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The number of parts of the description.
    pub total: u32,
    /// The parts of this page.
    pub parts: Vec<Part>,
    /// The version of the description. Pages with different versions do not belong together.
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
        f.write_str("a page: an array of the number of parts, some of the parts, and a version")
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
