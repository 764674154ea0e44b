use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

use crate::model::{Contract, unraw};
use crate::tokens::self_type_name;

/// The names that generated code adds. None of them occurs in the contract.
pub(super) struct Names {
    taken: BTreeSet<String>,
    service: Ident,
    /// The name of each associated type, and that of the client's parameter for it.
    associated_types: Vec<(Ident, Ident)>,
}

impl Names {
    pub(super) fn new(contract: &Contract) -> Self {
        let mut taken = BTreeSet::new();
        collect_names(contract.item.to_token_stream(), &mut taken);
        collect_names(contract.krate.to_token_stream(), &mut taken);
        let service = unused_name("S", "Service", Span::call_site(), &taken);
        let mut associated_types = Vec::new();
        for item in &contract.associated_types {
            let name = camel_case(&unraw(&item.ident));
            let parameter = unused_name(&name, &format!("Self{name}"), item.ident.span(), &taken);
            taken.insert(unraw(&parameter));
            associated_types.push((item.ident.clone(), parameter));
        }
        Self { taken, service, associated_types }
    }

    /// Returns the server's type parameter for the service.
    pub(super) fn service(&self) -> &Ident {
        &self.service
    }

    /// Returns the client's type parameter for an associated type, at the place where the type is
    /// used.
    pub(super) fn associated_type(&self, name: &Ident) -> Ident {
        let known = self.associated_types.iter().find(|(own, _)| own == name);
        let mut parameter = known.map_or(name, |(_, parameter)| parameter).clone();
        parameter.set_span(name.span());
        parameter
    }

    /// Returns a name for an item in the body of a client's method.
    pub(super) fn local_item(&self, name: &str) -> Ident {
        unused_name(name, name, Span::call_site(), &self.taken)
    }

    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name)
    }
}

/// The names of our own parameters and locals.
const OWN_LOCALS: [&str; 13] = [
    "arguments",
    "cx",
    "f",
    "incoming",
    "key",
    "peer",
    "peers",
    "request",
    "server",
    "service",
    "stub",
    "timeout",
    "via",
];

/// Returns the names of all parameters and locals of generated code, each once.
pub(super) fn locals(contract: &Contract) -> Vec<Ident> {
    let arguments = contract.methods.iter().flat_map(|method| method.arguments()).map(|argument| {
        let mut name = argument.ident.clone();
        name.set_span(Span::call_site());
        name
    });
    let own = OWN_LOCALS.into_iter().map(|name| Ident::new(name, Span::call_site()));
    let mut locals: Vec<Ident> = Vec::new();
    for name in arguments.chain(own) {
        if locals.iter().all(|local| unraw(local) != unraw(&name)) {
            locals.push(name);
        }
    }
    locals
}

/// Returns a name as that of a type parameter, so that no lint applies to it: `Value` for `value`.
fn camel_case(name: &str) -> String {
    let capitalized = |word: &str| {
        let mut characters = word.chars();
        characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect::<String>()
    };
    let camel_case: String = name.split('_').map(capitalized).collect();
    // `_` alone is no name.
    if camel_case.is_empty() { name.to_owned() } else { camel_case }
}

/// Returns the first of `name`, `otherwise`, `otherwise0`, `otherwise1` and so on that is not
/// taken.
fn unused_name(name: &str, otherwise: &str, span: Span, taken: &BTreeSet<String>) -> Ident {
    let numbered = (0..).map(|number| format!("{otherwise}{number}"));
    let mut candidates = [name.to_owned(), otherwise.to_owned()].into_iter().chain(numbered);
    let name = candidates.find(|candidate| !taken.contains(candidate)).expect("numbers do not end");
    syn::parse_str(&name).map_or_else(|_| Ident::new_raw(&name, span), |_: Ident| Ident::new(&name, span))
}

/// Collects every name in the contract, except `Name` in `Self::Name` and `type Name`: there it
/// means the associated type, which the parameter replaces.
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
