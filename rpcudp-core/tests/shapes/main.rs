//! A matrix of types in containers, compared with JSON and `rmp-serde`.
//!
//! Each type of `values` is put into each of the places of `places`. A cell that JSON or
//! `rmp-serde` round-trips, in either mode for bytes, must round-trip. The bytes must equal those
//! of `rmp-serde` with structs as maps, bytes as bin and as a human-readable format. The exceptions
//! are in `exceptions.rs`, with their reasons.

mod codecs;
mod exceptions;
mod places;
mod values;

use std::collections::BTreeMap;
use std::fmt::Debug;

use codecs::{RmpSerde, Shape, json, ours};
use places::{
    Adjacent, ContentFirst, External, Field, FlattenedMap, FlattenedStruct, Inner, Internal, Newtype, Untagged,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The results of all cells.
#[derive(Default)]
pub(crate) struct Matrix {
    type_name: &'static str,
    cell_count: usize,
    round_trip_count: usize,
    rmp_serde_count: usize,
    json_count: usize,
    faults: Vec<String>,
    exceptions_used: Vec<&'static str>,
}

impl Matrix {
    /// Adds a value in all places.
    pub(crate) fn add<T: Shape>(&mut self, type_name: &'static str, value: T) {
        self.type_name = type_name;
        let v = || value.clone();
        self.cell("plain", v());
        self.cell("Option", Some(v()));
        self.cell("Vec", vec![v(), v()]);
        self.cell("map value", BTreeMap::from([("key".to_owned(), v())]));
        self.cell("tuple", (v(), 1_u8, v()));
        self.cell("newtype", Newtype(v()));
        self.cell("struct field", Field { first: 1, value: v() });
        self.cell("external struct variant", External::Struct { value: v() });
        self.cell("internal struct variant", Internal::Struct { value: v() });
        self.cell_of(
            "adjacent, content first",
            &ContentFirst { content: v(), kind: "Newtype" },
            &Adjacent::Newtype(v()),
        );
        self.cell("untagged", Untagged::Value(v()));
        self.cell("flattened struct", FlattenedStruct { first: 1, inner: Inner { value: v(), more: vec![v()] } });
        self.cell("flattened map", FlattenedMap { first: 1, entries: BTreeMap::from([("key".to_owned(), v())]) });
    }

    fn cell<T: Shape>(&mut self, place: &'static str, value: T) {
        self.cell_of(place, &value, &value);
    }

    fn cell_of<In: Serialize + Debug, Out: DeserializeOwned + PartialEq + Debug>(
        &mut self,
        place: &'static str,
        value: &In,
        expected: &Out,
    ) {
        let name = format!("{} in {place}", self.type_name);
        let ours = ours(value, expected);
        let json = json(value, expected);
        let rmp_serde = RmpSerde::ALL.map(|config| (config, config.outcome(value, expected)));
        self.cell_count += 1;
        self.round_trip_count += usize::from(ours.round_trips);
        self.json_count += usize::from(json.round_trips);
        self.rmp_serde_count += usize::from(rmp_serde.iter().any(|(_, outcome)| outcome.round_trips));
        if !ours.round_trips {
            let others =
                rmp_serde.iter().filter(|(_, outcome)| outcome.round_trips).map(|(config, _)| format!("{config:?}"));
            let others: Vec<_> = others.chain(json.round_trips.then(|| "JSON".to_owned())).collect();
            if !others.is_empty() {
                match exceptions::find(exceptions::WORSE, self.type_name, place) {
                    Some(reason) => self.exceptions_used.push(reason),
                    None => self.faults.push(format!("{name}: {}, which {others:?} round-trips", ours.error)),
                }
            }
        }
        let like_ours = &rmp_serde[0].1;
        if let (Some(bytes), Some(expected)) = (&ours.bytes, &like_ours.bytes)
            && bytes != expected
        {
            match exceptions::find(exceptions::OTHER_BYTES, self.type_name, place) {
                Some(reason) => self.exceptions_used.push(reason),
                None => self.faults.push(format!("{name}: {bytes:02x?}, and rmp-serde {expected:02x?}")),
            }
        }
    }
}

#[test]
fn no_cell_is_worse_than_json_or_rmp_serde() {
    let mut matrix = Matrix::default();
    values::add_all(&mut matrix);
    println!(
        "{} cells: {} round-trip, {} with rmp-serde in either mode, {} with JSON",
        matrix.cell_count, matrix.round_trip_count, matrix.rmp_serde_count, matrix.json_count
    );
    assert!(matrix.faults.is_empty(), "{} faults:\n{}", matrix.faults.len(), matrix.faults.join("\n"));
    for exception in exceptions::OTHER_BYTES.iter().chain(exceptions::WORSE) {
        assert!(matrix.exceptions_used.contains(&exception.reason), "not needed any more: {exception:?}");
    }
    assert!(matrix.cell_count > 900, "{}", matrix.cell_count);
}
