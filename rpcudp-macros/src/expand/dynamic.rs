use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, GenericParam, Lifetime, LifetimeParam, ReceiverKind, Signature, TraitItemFn, Type, parse_quote};

use super::names::Names;
use super::{Generated, generics};
use crate::model::{Contract, Method, Parameter};
use crate::tokens::is_punct;

/// Writes the trait whose objects implement the contract, if the user asks for one. Its async
/// methods return boxed futures. Each implementation of the contract implements it.
///
/// ```text
/// pub trait DynGreeter: Send + Sync + 'static {
///     fn lookup<'call>(&'call self, key: &'call [u8]) -> Pin<Box<dyn Future<Output = u8> + Send + 'call>>;
/// }
///
/// impl<S: Greeter + Send + Sync + 'static> DynGreeter for S { ... }
///
/// impl Greeter for dyn DynGreeter {
///     fn lookup(&self, key: &[u8]) -> impl Future<Output = u8> + Send {
///         async move { <Self as DynGreeter>::lookup(self, key).await }
///     }
/// }
/// ```
pub(super) fn dynamic(contract: &Contract, names: &Names) -> Option<Generated> {
    let dynamic = contract.dynamic.as_ref()?;
    let item = &contract.item;
    let (vis, ident) = (&item.vis, &item.ident);
    let doc = format!(
        " A [`{ident}`] that is chosen at run time: `Arc<dyn {dynamic}>` holds any implementation, and is one itself."
    );
    let (lint_attrs, supertraits) = (&contract.lint_attrs, &item.supertraits);
    let supertraits = (!supertraits.is_empty()).then(|| quote!(#supertraits +));
    let mut declaration = item.generics.clone();
    declaration.where_clause = None;
    let predicates = &contract.predicates;
    let where_clause = (!predicates.is_empty()).then(|| quote!(where #(#predicates),*));
    let types = &contract.associated_types;
    let methods: Vec<_> = contract.methods.iter().map(|method| Forwarded::new(contract, method)).collect();
    let signatures = methods.iter().map(Forwarded::declaration);
    let definition = quote! {
        #[doc = #doc]
        #(#lint_attrs)*
        #vis trait #dynamic #declaration: #supertraits ::core::marker::Send + ::core::marker::Sync + 'static #where_clause {
            #(#types)*
            #(#signatures)*
        }
    };

    let service = names.service();
    let trait_generics = generics::of_trait(contract);
    let for_service = generics::dynamic_of_service(contract, names);
    let (service_generics, service_where) = (for_service.bounded_impl_generics(), for_service.where_clause());
    let own_types = types.iter().map(|item| {
        let name = &item.ident;
        quote!(type #name = <#service as #ident #trait_generics>::#name;)
    });
    let boxed = methods.iter().map(|method| method.boxed(&quote!(<#service as #ident #trait_generics>)));

    let for_object = generics::object(contract, names);
    let (object_generics, object_where) = (for_object.bounded_impl_generics(), for_object.where_clause());
    let object_arguments = generics::object_arguments(contract, names);
    let object_types = types.iter().map(|item| {
        let (name, parameter) = (&item.ident, names.associated_type(&item.ident));
        quote!(type #name = #parameter;)
    });
    let forwarded = methods.iter().map(|method| method.forward(&quote!(<Self as #dynamic #trait_generics>)));
    let impls = quote! {
        impl #service_generics #dynamic #trait_generics for #service #service_where {
            #(#own_types)*
            #(#boxed)*
        }

        impl #object_generics #ident #trait_generics for dyn #dynamic #object_arguments #object_where {
            #(#object_types)*
            #(#forwarded)*
        }
    };
    Some(Generated { definition, impls })
}

/// A method that passes its arguments on.
struct Forwarded<'a> {
    method: &'a Method,
    /// The signature in the trait of the contract, with names for all parameters.
    signature: Signature,
    /// The signature in the trait of the objects.
    boxed: Signature,
    /// The parameters besides `self`.
    names: Vec<Ident>,
}

impl<'a> Forwarded<'a> {
    fn new(contract: &'a Contract, method: &'a Method) -> Self {
        let found = contract.item.items.iter().find_map(|item| match item {
            syn::TraitItem::Fn(TraitItemFn { sig, .. }) if sig.ident == method.ident => Some(sig.clone()),
            _ => None,
        });
        let mut signature = found.expect("the trait has the method");
        let mut names = Vec::new();
        let mut parameters = method.parameters.iter();
        for input in &mut signature.inputs {
            let FnArg::Typed(input) = input else { continue };
            let name = match parameters.next() {
                Some(Parameter::Argument(argument) | Parameter::Inflow(argument)) => argument.ident.clone(),
                _ => Ident::new("cx", Span::mixed_site()),
            };
            input.attrs.clear();
            *input.pat = parse_quote!(#name);
            names.push(name);
        }
        let boxed = if method.is_async() { boxed(&signature, method) } else { signature.clone() };
        Self { method, signature, boxed, names }
    }

    /// Returns the declaration in the trait of the objects.
    fn declaration(&self) -> TokenStream {
        let (cfg, attrs, signature) = (&self.method.attrs.cfg, &self.method.attrs.client, &self.boxed);
        quote!(#(#attrs)* #(#cfg)* #signature;)
    }

    /// Returns the method of the trait of the objects, for each implementation of the contract.
    fn boxed(&self, path: &TokenStream) -> TokenStream {
        let (cfg, signature) = (&self.method.attrs.cfg, &self.boxed);
        let call = self.call(path);
        let call = if self.method.is_async() { quote!(::std::boxed::Box::pin(#call)) } else { call };
        quote!(#(#cfg)* #signature { #call })
    }

    /// Returns the method of the contract, for its objects.
    fn forward(&self, path: &TokenStream) -> TokenStream {
        let (cfg, signature) = (&self.method.attrs.cfg, &self.signature);
        let call = self.call(path);
        // The async block captures each argument, with its own lifetime; the boxed future has only
        // the one that they have in common.
        let call = if self.method.is_async() { quote!(async move { #call.await }) } else { call };
        quote!(#(#cfg)* #signature { #call })
    }

    fn call(&self, path: &TokenStream) -> TokenStream {
        let names = &self.names;
        let mut ident = self.method.ident.clone();
        // The span of generated code, so that the lint on deprecated methods does not apply.
        ident.set_span(Span::call_site().located_at(ident.span()));
        quote!(#path::#ident(self, #(#names),*))
    }
}

/// Returns the signature of an async method with a boxed future. All its lifetimes are one, or
/// outlive it.
fn boxed(signature: &Signature, method: &Method) -> Signature {
    let mut boxed = signature.clone();
    let call = Lifetime::new("'call", Span::mixed_site());
    for parameter in &mut boxed.generics.params {
        if let GenericParam::Lifetime(parameter) = parameter {
            parameter.bounds.push(call.clone());
        }
    }
    boxed.generics.params.insert(0, GenericParam::Lifetime(LifetimeParam::new(call.clone())));
    boxed.generics.where_clause = None;
    for input in &mut boxed.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                if let ReceiverKind::Reference(_, lifetime @ None, _) = &mut receiver.kind {
                    *lifetime = Some(call.clone());
                }
            }
            FnArg::Typed(input) => {
                let ty = named_lifetimes(input.ty.to_token_stream(), &call);
                if let Ok(ty) = syn::parse2::<Type>(ty) {
                    *input.ty = ty;
                }
            }
        }
    }
    let output = method.returns.ty();
    boxed.output = parse_quote! {
        -> ::core::pin::Pin<::std::boxed::Box<
            dyn ::core::future::Future<Output = #output> + ::core::marker::Send + #call
        >>
    };
    boxed
}

/// Gives the elided lifetimes of a type a name.
fn named_lifetimes(tokens: TokenStream, name: &Lifetime) -> TokenStream {
    let trees: Vec<_> = tokens.into_iter().collect();
    let mut named = TokenStream::new();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        let next_is_quote = trees.get(at + 1).is_some_and(|next| is_punct(next, '\''));
        match tree {
            TokenTree::Punct(quote) if quote.as_char() == '\'' => match trees.get(at + 1) {
                Some(TokenTree::Ident(elided)) if elided == "_" => {
                    name.to_tokens(&mut named);
                    at += 1;
                }
                _ => tree.to_tokens(&mut named),
            },
            TokenTree::Punct(and) if and.as_char() == '&' && !next_is_quote => {
                named.extend(quote_spanned!(and.span() => & #name));
            }
            // Not into braces, which hold the value of a const parameter.
            TokenTree::Group(group) if group.delimiter() != proc_macro2::Delimiter::Brace => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), named_lifetimes(group.stream(), name));
                inner.set_span(group.span());
                inner.to_tokens(&mut named);
            }
            tree => tree.to_tokens(&mut named),
        }
        at += 1;
    }
    named
}
