//! The wire format of definitions: each struct is an array of its fields in order, without those
//! at the end that have their default.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected};
use serde::ser::{Serialize, Serializer};

use super::definition::{Definition, Field, Fields, Shape, Tagging, Variant};
use super::wire_format::{FieldReader, FieldsVisitor, FromFields};

const UNIT: &str = "unit";
const UNNAMED: &str = "unnamed";
const NAMED: &str = "named";
const ENUM: &str = "enum";
const UNTAGGED: &str = "untagged";

impl Serialize for Definition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, generics, shape } = self;
        match shape {
            Shape::Struct(fields) => (name, generics, form(fields), fields.list()).serialize(serializer),
            Shape::Enum(tagging, variants) => match tagging {
                Tagging::External => (name, generics, ENUM, variants).serialize(serializer),
                Tagging::Untagged => (name, generics, UNTAGGED, variants).serialize(serializer),
                Tagging::Internal(tag) => (name, generics, ENUM, variants, tag).serialize(serializer),
                Tagging::Adjacent(tag, content) => (name, generics, ENUM, variants, tag, content).serialize(serializer),
            },
        }
    }
}

impl Serialize for Variant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.fields {
            Fields::Unit => (&self.name,).serialize(serializer),
            fields => (&self.name, form(fields), fields.list()).serialize(serializer),
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, ty, is_optional, is_flattened, with } = self;
        if !with.is_empty() {
            (name, ty, is_optional, is_flattened, with).serialize(serializer)
        } else if *is_flattened {
            (name, ty, is_optional, true).serialize(serializer)
        } else if *is_optional {
            (name, ty, true).serialize(serializer)
        } else {
            (name, ty).serialize(serializer)
        }
    }
}

const fn form(fields: &Fields) -> &'static str {
    match fields {
        Fields::Unit => UNIT,
        Fields::Unnamed(_) => UNNAMED,
        Fields::Named(_) => NAMED,
    }
}

impl<'de> Deserialize<'de> for Definition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor::new())
    }
}

impl<'de> Deserialize<'de> for Variant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor::new())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor::new())
    }
}

impl FromFields for Definition {
    const EXPECTED: &str = "a definition: an array of name, generics, form, items, tag and content";

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error> {
        let (name, generics) = (array.name()?, array.ty()?);
        let form: String = array.next()?;
        if form != ENUM && form != UNTAGGED {
            return Ok(Self { name, generics, shape: Shape::Struct(read_fields(&form, array)?) });
        }
        let variants = array.list()?;
        let (tag, content): (String, String) = (array.next_or_default()?, array.next_or_default()?);
        let tagging = match (&*tag, &*content) {
            _ if form == UNTAGGED => Tagging::Untagged,
            ("", _) => Tagging::External,
            (_, "") => Tagging::Internal(tag.into()),
            _ => Tagging::Adjacent(tag.into(), content.into()),
        };
        Ok(Self { name, generics, shape: Shape::Enum(tagging, variants) })
    }
}

impl FromFields for Variant {
    const EXPECTED: &str = "a variant: an array of name, form and fields";

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error> {
        let name: String = array.next()?;
        let form: String = array.next_or_default()?;
        let fields = if form.is_empty() { Fields::Unit } else { read_fields(&form, array)? };
        Ok(Self { name: name.into(), fields })
    }
}

impl FromFields for Field {
    const EXPECTED: &str =
        "a field: an array of name, type, and whether it is optional, flattened or encoded by a module";

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error> {
        Ok(Self {
            name: Cow::Owned(array.next()?),
            ty: array.ty()?,
            is_optional: array.next_or_default()?,
            is_flattened: array.next_or_default()?,
            with: Cow::Owned(array.next_or_default()?),
        })
    }
}

fn read_fields<'de, A: SeqAccess<'de>>(form: &str, array: &mut FieldReader<A>) -> Result<Fields, A::Error> {
    let fields = array.list()?;
    match form {
        UNIT => Ok(Fields::Unit),
        UNNAMED => Ok(Fields::Unnamed(fields)),
        NAMED => Ok(Fields::Named(fields)),
        _ => Err(A::Error::invalid_value(Unexpected::Str(form), &"`unit`, `unnamed`, `named`, `enum` or `untagged`")),
    }
}
