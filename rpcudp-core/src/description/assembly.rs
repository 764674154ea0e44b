use std::fmt::Display;

use super::page::Page;
use super::part::Part;
use crate::codec::DecodeError;
use crate::contract::{Contract, Definition, Field, Fields, Method, Shape, Tagging, Variant};

/// Assembles contracts from the pages that a peer sends.
///
/// Request the page that [`wanted`](Self::wanted) returns and [`add`](Self::add) it, until `wanted`
/// returns `None`.
#[derive(Debug, Default)]
pub struct Assembly {
    contracts: Vec<Contract>,
    /// The number of parts received.
    received_count: u32,
    /// The number of parts and the version of the description, from the first page.
    expected: Option<(u32, u64)>,
    /// The approximate memory that the parts take, in bytes.
    len: usize,
}

impl Assembly {
    /// The maximum number of parts of a description: more than any program of this crate produces,
    /// and few enough to request.
    pub const MAX_PARTS: u32 = 1 << 14;

    /// The maximum length of the texts of a description in bytes.
    pub const MAX_LEN: usize = 1 << 20;

    /// Returns the index of the part with which the next page must start. `None` if all parts have
    /// been received.
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        match self.expected {
            Some((total, _)) if self.received_count >= total => None,
            _ => Some(self.received_count),
        }
    }

    /// Whether a page belongs to another description than the previous pages. The peer has
    /// restarted with other contracts, and the assembly must start again.
    #[must_use]
    pub fn is_of_another(&self, page: &Page) -> bool {
        self.expected.is_some_and(|expected| expected != (page.total, page.version))
    }

    /// Adds the wanted page.
    ///
    /// # Errors
    ///
    /// Fails if the page has no parts or too many, belongs to another description, does not
    /// continue the previous pages, or if the description exceeds [`MAX_PARTS`](Self::MAX_PARTS) or
    /// [`MAX_LEN`](Self::MAX_LEN). Do not use the assembly after an error.
    pub fn add(&mut self, page: Page) -> Result<(), DecodeError> {
        if self.is_of_another(&page) {
            return Err(invalid("it changed while it was read"));
        }
        let Page { total, parts, version } = page;
        if total > Self::MAX_PARTS {
            let max = Self::MAX_PARTS;
            return Err(invalid(format_args!("it has {total} parts, and at most {max} are read")));
        }
        self.expected = Some((total, version));
        let left = total - self.received_count;
        match u32::try_from(parts.len()) {
            Ok(0) if left > 0 => return Err(invalid("a page is empty")),
            Ok(len) if len <= left => self.received_count += len,
            _ => return Err(invalid(format_args!("a page has {} parts, and {left} are left", parts.len()))),
        }
        for part in parts {
            self.len += part_len(&part);
            if self.len > Self::MAX_LEN {
                let max = Self::MAX_LEN;
                return Err(invalid(format_args!("it has more than the {max} bytes that are read")));
            }
            self.continue_with(part)?;
        }
        Ok(())
    }

    /// Returns the contracts received so far.
    #[must_use]
    pub fn finish(self) -> Vec<Contract> {
        self.contracts
    }

    fn continue_with(&mut self, part: Part) -> Result<(), DecodeError> {
        match (part, self.contracts.last_mut()) {
            (Part::Contract(contract), _) => self.contracts.push(contract),
            (Part::Unknown, _) => {}
            (Part::Method(method), Some(contract)) => {
                let (name, namespace) = (&method.wire_name, &contract.namespace);
                if !name.starts_with(&**namespace) {
                    return Err(invalid(format_args!("{name:?} does not begin with {namespace:?}")));
                }
                contract.methods.to_mut().push(method);
            }
            (Part::Type(definition), Some(contract)) => contract.definitions.to_mut().push(definition),
            (Part::Fields(more), Some(contract)) => match last_shape(contract) {
                Some(Shape::Struct(Fields::Named(fields) | Fields::Unnamed(fields))) => {
                    fields.to_mut().extend_from_slice(&more);
                }
                _ => return Err(invalid("fields do not follow a struct")),
            },
            (Part::Variants(more), Some(contract)) => match last_shape(contract) {
                Some(Shape::Enum(_, variants)) => variants.to_mut().extend_from_slice(&more),
                _ => return Err(invalid("variants do not follow an enum")),
            },
            (Part::Doc(text), Some(contract)) => match contract.methods.to_mut().last_mut() {
                Some(method) => method.doc.to_mut().push_str(&text),
                None => contract.doc.to_mut().push_str(&text),
            },
            (_, None) => return Err(invalid("it does not begin with a contract")),
        }
        Ok(())
    }
}

fn last_shape(contract: &mut Contract) -> Option<&mut Shape> {
    contract.definitions.to_mut().last_mut().map(|definition| &mut definition.shape)
}

/// Returns the approximate memory that a part takes.
fn part_len(part: &Part) -> usize {
    let texts = match part {
        Part::Contract(Contract { name, namespace, doc, generics, bounds, types, methods, definitions }) => {
            let bounds = bounds.iter().map(|bound| ITEM_OVERHEAD + bound.len()).sum::<usize>();
            let types = types.iter().map(|ty| ITEM_OVERHEAD + ty.name.len() + ty.bounds.len()).sum::<usize>();
            let methods = methods.iter().map(|method| ITEM_OVERHEAD + method_len(method)).sum::<usize>();
            let definitions = definitions.iter().map(definition_len).sum::<usize>();
            name.len() + namespace.len() + doc.len() + generics.len() + bounds + types + methods + definitions
        }
        Part::Method(method) => method_len(method),
        Part::Type(definition) => definition_len(definition),
        Part::Fields(fields) => fields_len(fields),
        Part::Variants(variants) => variants_len(variants),
        Part::Doc(text) => text.len(),
        Part::Unknown => 0,
    };
    ITEM_OVERHEAD + texts
}

fn method_len(method: &Method) -> usize {
    let Method { name, wire_name, doc, arguments, returns, aliases, .. } = method;
    let arguments =
        arguments.iter().map(|argument| ITEM_OVERHEAD + argument.name.len() + argument.ty.len()).sum::<usize>();
    let aliases = aliases.iter().map(|alias| ITEM_OVERHEAD + alias.len()).sum::<usize>();
    name.len() + wire_name.len() + doc.len() + arguments + returns.len() + aliases
}

fn definition_len(Definition { name, generics, shape }: &Definition) -> usize {
    let items = match shape {
        Shape::Struct(fields) => fields_len(fields.list()),
        Shape::Enum(tagging, variants) => {
            let tag_len = match tagging {
                Tagging::External | Tagging::Untagged => 0,
                Tagging::Internal(tag) => tag.len(),
                Tagging::Adjacent(tag, content) => tag.len() + content.len(),
            };
            tag_len + variants_len(variants)
        }
    };
    ITEM_OVERHEAD + name.len() + generics.len() + items
}

fn variants_len(variants: &[Variant]) -> usize {
    variants.iter().map(|variant| ITEM_OVERHEAD + variant.name.len() + fields_len(variant.fields.list())).sum()
}

fn fields_len(fields: &[Field]) -> usize {
    fields.iter().map(|field| 2 * ITEM_OVERHEAD + field.name.len() + field.ty.len() + field.with.len()).sum()
}

/// The length that each item counts in addition to its texts, so that ten thousand empty items
/// count.
const ITEM_OVERHEAD: usize = 16;

fn invalid(reason: impl Display) -> DecodeError {
    DecodeError::new("description of contracts", reason)
}
