use std::borrow::Cow;

/// The definition of a type that has `#[derive(Schema)]`: the shape of its values on the wire.
///
/// Names are those on the wire, after serde's `rename` and `rename_all`. Types are text as written
/// in the source. Documentation is not part of a definition.
///
/// A definition is printed as the source of a type with the same encoding.
///
/// ```
/// use std::borrow::Cow;
///
/// use rpcudp_core::contract::{Definition, Field, Fields, Shape};
///
/// const FIELDS: &[Field] = &[
///     Field { name: Cow::Borrowed("x"), ty: Cow::Borrowed("i32"), ..Field::EMPTY },
///     Field { name: Cow::Borrowed("y-axis"), ty: Cow::Borrowed("i32"), is_optional: true, ..Field::EMPTY },
/// ];
/// let point = Definition {
///     name: "Point".into(),
///     shape: Shape::Struct(Fields::Named(FIELDS.into())),
///     ..Definition::EMPTY
/// };
/// let printed = r#"#[derive(Deserialize, Schema, Serialize)]
/// pub struct Point {
///     x: i32,
///     #[serde(default, rename = "y-axis")]
///     y_axis: i32,
/// }
/// "#;
/// assert_eq!(point.to_string(), printed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name of the type in its source.
    pub name: Cow<'static, str>,
    /// The generic parameters, as between `<` and `>`.
    pub generics: Cow<'static, str>,
    /// The shape.
    pub shape: Shape,
}

/// The shape of a type: that of a struct, or of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// A struct.
    Struct(Fields),
    /// An enum.
    Enum(Tagging, Cow<'static, [Variant]>),
}

/// The fields of a struct or a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fields {
    /// No fields, without parentheses.
    Unit,
    /// Fields without names. A single one is encoded as the value itself.
    Unnamed(Cow<'static, [Field]>),
    /// Fields with names.
    Named(Cow<'static, [Field]>),
}

/// A field of a struct or a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name on the wire. Empty for a field without a name.
    pub name: Cow<'static, str>,
    /// The type.
    pub ty: Cow<'static, str>,
    /// Whether a reader does without the field: serde's `default`.
    pub is_optional: bool,
    /// Whether the fields of the field's type stand in its place: serde's `flatten`.
    pub is_flattened: bool,
    /// The path of a module that encodes the field: serde's `with`. Empty without one.
    pub with: Cow<'static, str>,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The name on the wire.
    pub name: Cow<'static, str>,
    /// The fields.
    pub fields: Fields,
}

/// The place of a variant's name in an encoded enum.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tagging {
    /// The name, or a map from it to the fields: serde's default.
    External,
    /// A field of this name beside those of the variant: serde's `tag`.
    Internal(Cow<'static, str>),
    /// A field with the name, and another with the content: serde's `tag` and `content`.
    Adjacent(Cow<'static, str>, Cow<'static, str>),
    /// No name: serde's `untagged`.
    Untagged,
}

impl Definition {
    /// A unit struct without a name. Use it for the remaining fields of a definition in a constant.
    pub const EMPTY: Self =
        Self { name: Cow::Borrowed(""), generics: Cow::Borrowed(""), shape: Shape::Struct(Fields::Unit) };
}

impl Field {
    /// A required field without a name. Use it for the remaining fields of a field in a constant.
    pub const EMPTY: Self = Self {
        name: Cow::Borrowed(""),
        ty: Cow::Borrowed(""),
        is_optional: false,
        is_flattened: false,
        with: Cow::Borrowed(""),
    };
}

impl Fields {
    /// Returns the fields.
    #[must_use]
    pub const fn list(&self) -> &[Field] {
        match self {
            Self::Unit => &[],
            Self::Unnamed(fields) | Self::Named(fields) => slice(fields),
        }
    }
}

/// Returns the items of a list, which a constant function cannot dereference.
#[expect(clippy::ptr_arg, reason = "a constant function cannot dereference a `Cow`")]
pub(super) const fn slice<'a, T: Clone>(items: &'a Cow<'static, [T]>) -> &'a [T] {
    match items {
        Cow::Borrowed(items) => items,
        Cow::Owned(items) => items.as_slice(),
    }
}
