use std::fmt::Display;

use super::page::Page;
use super::part::Part;
use crate::codec::DecodeError;
use crate::contract::{Contract, Method};

/// Makes contracts of the pages that a peer sends.
///
/// Ask for the page that is [`wanted`](Self::wanted) and [`add`](Self::add) it, until none is.
#[derive(Debug, Default)]
pub struct Assembly {
    contracts: Vec<Contract>,
    /// How many parts have come.
    taken: u32,
    /// How many there are to be, and the version of the description, as the first page has them.
    expected: Option<(u32, u64)>,
    /// What has come, in bytes.
    len: usize,
}

impl Assembly {
    /// How many parts a description may have: more than any that a program of ours could make, and few enough to ask for.
    pub const MAX_PARTS: u32 = 1 << 14;

    /// How many bytes the texts of a description may have.
    pub const MAX_LEN: usize = 1 << 20;

    /// The part that the next page is to begin with; `None` where all have come.
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        match self.expected {
            Some((total, _)) if self.taken >= total => None,
            _ => Some(self.taken),
        }
    }

    /// Whether a page belongs to another description than those before: the peer has been started anew, and so has the
    /// assembly to be.
    #[must_use]
    pub fn is_of_another(&self, page: &Page) -> bool {
        self.expected.is_some_and(|expected| expected != (page.total, page.version))
    }

    /// Adds the page that was wanted.
    ///
    /// # Errors
    ///
    /// Where it has no parts or too many, belongs to another description than the first, does not continue what came
    /// before, or where all is more than [`MAX_PARTS`](Self::MAX_PARTS) or [`MAX_LEN`](Self::MAX_LEN). What is there is not
    /// to be used then.
    pub fn add(&mut self, page: Page) -> Result<(), DecodeError> {
        if self.is_of_another(&page) {
            return Err(no_description("it changed while it was read"));
        }
        let Page { total, parts, version } = page;
        if total > Self::MAX_PARTS {
            let max = Self::MAX_PARTS;
            return Err(no_description(format_args!("it has {total} parts, and at most {max} are read")));
        }
        self.expected = Some((total, version));
        let left = total - self.taken;
        match u32::try_from(parts.len()) {
            Ok(0) if left > 0 => return Err(no_description("a page is empty")),
            Ok(len) if len <= left => self.taken += len,
            _ => return Err(no_description(format_args!("a page has {} parts, and {left} are left", parts.len()))),
        }
        for part in parts {
            self.len += len_of(&part);
            if self.len > Self::MAX_LEN {
                let max = Self::MAX_LEN;
                return Err(no_description(format_args!("it has more than the {max} bytes that are read")));
            }
            self.continue_with(part)?;
        }
        Ok(())
    }

    /// The contracts, as far as they have come.
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
                    return Err(no_description(format_args!("{name:?} does not begin with {namespace:?}")));
                }
                contract.methods.to_mut().push(method);
            }
            (Part::Doc(text), Some(contract)) => match contract.methods.to_mut().last_mut() {
                Some(method) => method.doc.to_mut().push_str(&text),
                None => contract.doc.to_mut().push_str(&text),
            },
            (_, None) => return Err(no_description("it does not begin with a contract")),
        }
        Ok(())
    }
}

/// About how much memory a part takes.
fn len_of(part: &Part) -> usize {
    let texts = match part {
        Part::Contract(Contract { name, namespace, doc, generics, bounds, types, methods }) => {
            let bounds = bounds.iter().map(|bound| EACH_LEN + bound.len()).sum::<usize>();
            let types = types.iter().map(|ty| EACH_LEN + ty.name.len() + ty.bounds.len()).sum::<usize>();
            let methods = methods.iter().map(|method| EACH_LEN + len_of_method(method)).sum::<usize>();
            name.len() + namespace.len() + doc.len() + generics.len() + bounds + types + methods
        }
        Part::Method(method) => len_of_method(method),
        Part::Doc(text) => text.len(),
        Part::Unknown => 0,
    };
    EACH_LEN + texts
}

fn len_of_method(method: &Method) -> usize {
    let Method { name, wire_name, doc, arguments, returns, .. } = method;
    let arguments = arguments.iter().map(|argument| EACH_LEN + argument.name.len() + argument.ty.len()).sum::<usize>();
    name.len() + wire_name.len() + doc.len() + arguments + returns.len()
}

/// What each of them counts besides its texts, so that ten thousand empty ones are not nothing.
const EACH_LEN: usize = 16;

fn no_description(why: impl Display) -> DecodeError {
    DecodeError::new("description of contracts", why)
}
