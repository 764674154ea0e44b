use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

use crate::model::{Contract, unraw};
use crate::tokens::self_type_name;

/// The names of the parameters that are added to the trait's: short ones, as far as the user has no other use for them.
pub(super) struct Names {
    service: Ident,
    /// For each associated type its own name, and that of the client's parameter.
    associated: Vec<(Ident, Ident)>,
}

impl Names {
    pub(super) fn new(contract: &Contract) -> Self {
        let mut taken = BTreeSet::new();
        collect_names(contract.item.to_token_stream(), &mut taken);
        collect_names(contract.krate.to_token_stream(), &mut taken);
        let service = unused_name("S", "Service", Span::call_site(), &taken);
        let mut associated = Vec::new();
        for item in &contract.associated_types {
            let name = unraw(&item.ident);
            let parameter = unused_name(&name, &format!("Self{name}"), item.ident.span(), &taken);
            taken.insert(unraw(&parameter));
            associated.push((item.ident.clone(), parameter));
        }
        Self { service, associated }
    }

    /// The parameter of the server for the type of the service.
    pub(super) fn service(&self) -> &Ident {
        &self.service
    }

    /// The parameter of the client that an associated type becomes.
    pub(super) fn associated(&self, name: &Ident) -> Ident {
        let known = self.associated.iter().find(|(own, _)| own == name);
        // Errors about it are to point to where it is used.
        known.map_or_else(|| name.clone(), |(_, parameter)| Ident::new(&parameter.to_string(), name.span()))
    }
}

/// The first of `name`, `otherwise` and what numbers make of it that is not taken.
fn unused_name(name: &str, otherwise: &str, span: Span, taken: &BTreeSet<String>) -> Ident {
    let numbered = (0..).map(|number| format!("{otherwise}{number}"));
    let mut candidates = [name.to_owned(), otherwise.to_owned()].into_iter().chain(numbered);
    let name = candidates.find(|candidate| !taken.contains(candidate)).expect("numbers do not end");
    syn::parse_str(&name).map_or_else(|_| Ident::new_raw(&name, span), |_: Ident| Ident::new(&name, span))
}

/// Every name in the contract, but for `Name` in `Self::Name` and `type Name`: that means the type which the parameter
/// stands for.
fn collect_names(tokens: TokenStream, taken: &mut BTreeSet<String>) {
    let trees: Vec<_> = tokens.into_iter().collect();
    let mut rest = &trees[..];
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            _ if self_type_name(rest).is_some() => &rest[4..],
            (TokenTree::Ident(keyword), [TokenTree::Ident(_), others @ ..]) if keyword == "type" => others,
            (TokenTree::Ident(name), _) => {
                taken.insert(unraw(name));
                after
            }
            (TokenTree::Group(group), _) => {
                collect_names(group.stream(), taken);
                after
            }
            _ => after,
        };
    }
}
