use std::borrow::Cow;
use std::time::SystemTime;

use super::{Ext, Timestamp, Value};

/// Implements `From` for types that a variant or another type accepts.
macro_rules! from {
    ($($from:ty: $value:ident => $to:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $to
            }
        }
    )*};
}

from! {
    (): _unit => Self::Nil;
    bool: value => Self::Bool(value);
    i8: value => Self::Int(value.into());
    i16: value => Self::Int(value.into());
    i32: value => Self::Int(value.into());
    i64: value => Self::Int(value);
    isize: value => Self::Int(value as i64);
    u8: value => Self::Int(value.into());
    u16: value => Self::Int(value.into());
    u32: value => Self::Int(value.into());
    u64: value => i64::try_from(value).map_or(Self::Unsigned(value), Self::Int);
    usize: value => Self::from(value as u64);
    f32: value => Self::Float(value.into());
    f64: value => Self::Float(value);
    char: value => Self::Text(value.into());
    &str: text => Self::Text(text.into());
    String: text => Self::Text(text);
    Cow<'_, str>: text => Self::Text(text.into());
    &[u8]: bytes => Self::Bytes(bytes.into());
    Vec<u8>: bytes => Self::Bytes(bytes);
    Cow<'_, [u8]>: bytes => Self::Bytes(bytes.into());
    Vec<Value>: elements => Self::Array(elements);
    Vec<(Value, Value)>: entries => Self::Map(entries);
    Timestamp: timestamp => Self::Timestamp(timestamp);
    SystemTime: time => Self::Timestamp(time.into());
    Ext: ext => Timestamp::from_ext(&ext).map_or(Self::Ext(ext), Self::Timestamp);
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(bytes: &[u8; N]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Nil, Into::into)
    }
}

/// Collects the elements of an array.
impl<T: Into<Self>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::Array(elements.into_iter().map(Into::into).collect())
    }
}

/// Collects the entries of a map.
impl<K: Into<Self>, V: Into<Self>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}
