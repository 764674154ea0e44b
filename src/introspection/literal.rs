//! Parts of contracts that generated code writes as literals.

use std::borrow::Cow;

/// A text of a contract.
#[doc(hidden)]
pub type Text = Cow<'static, str>;

/// Returns a text that is a literal in the source.
#[doc(hidden)]
#[must_use]
pub const fn text(text: &'static str) -> Text {
    Cow::Borrowed(text)
}

/// Returns a list that is a literal in the source.
#[doc(hidden)]
#[must_use]
pub const fn list<T: Clone>(list: &'static [T]) -> Cow<'static, [T]> {
    Cow::Borrowed(list)
}
