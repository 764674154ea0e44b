use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Error, ItemTrait};

use crate::tokens::{is_ident, is_punct};

/// A collection of errors, so that the user sees all of them at once.
#[derive(Default)]
pub(crate) struct Report {
    errors: Option<Error>,
}

/// The expansion of a contract with errors.
pub(crate) struct InvalidContract {
    errors: Error,
    /// The user's trait without our attributes, so that the compiler does not report its
    /// implementations too.
    item: Option<Box<ItemTrait>>,
}

impl Report {
    /// Adds an error on the user's tokens.
    pub(crate) fn error(&mut self, tokens: &impl ToTokens, message: impl ToString) {
        self.push(Error::new_spanned(tokens, message.to_string()));
    }

    pub(crate) fn error_at(&mut self, span: Span, message: impl ToString) {
        self.push(Error::new(span, message.to_string()));
    }

    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(error),
            None => self.errors = Some(error),
        }
    }

    /// Ends the only pass.
    ///
    /// # Errors
    ///
    /// If the pass added errors.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        self.errors.map_or(Ok(()), Err)
    }

    /// Ends a pass.
    ///
    /// # Errors
    ///
    /// If the pass added errors.
    pub(crate) fn finish(self, item: Option<&ItemTrait>) -> Result<(), InvalidContract> {
        match self.errors {
            None => Ok(()),
            Some(errors) => Err(InvalidContract { errors, item: item.cloned().map(Box::new) }),
        }
    }
}

impl InvalidContract {
    pub(crate) fn into_tokens(self) -> TokenStream {
        let mut tokens = without_core(self.errors.into_compile_error());
        self.item.to_tokens(&mut tokens);
        tokens
    }
}

/// Removes the `::core::` of each `::core::compile_error!`. It is another path in edition 2015, and
/// the compiler would report that instead of the error.
fn without_core(tokens: TokenStream) -> TokenStream {
    tokens.into_iter().filter(|tree| !is_punct(tree, ':') && !is_ident(tree, "core")).collect()
}
