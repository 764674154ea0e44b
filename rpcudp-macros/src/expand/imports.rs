use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use super::names::Names;

/// The items of a module that a block of generated code imports.
///
/// ```text
/// use ::rpcudp::__private::{CallSpec, Delivery};
/// ```
pub(super) struct Imports<'a> {
    module: TokenStream,
    names: &'a Names,
    imported: BTreeSet<&'static str>,
}

impl<'a> Imports<'a> {
    pub(super) fn new(module: TokenStream, names: &'a Names) -> Self {
        Self { module, names, imported: BTreeSet::new() }
    }

    /// Imports an item, and returns its name. If the contract uses the name for another item,
    /// returns the path instead.
    pub(super) fn item(&mut self, name: &'static str) -> TokenStream {
        let ident = Ident::new(name, Span::call_site());
        if self.names.is_taken(name) {
            let module = &self.module;
            return quote!(#module::#ident);
        }
        self.imported.insert(name);
        ident.into_token_stream()
    }
}

impl ToTokens for Imports<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let module = &self.module;
        let imported = self.imported.iter().map(|name| Ident::new(name, Span::call_site()));
        let import = match self.imported.len() {
            0 => return,
            1 => quote!(use #module::#(#imported)*;),
            _ => quote!(use #module::{#(#imported),*};),
        };
        import.to_tokens(tokens);
    }
}
