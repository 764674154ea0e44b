use super::structure::{Node, definition_count, definitions, hash, structure};
use super::*;
use crate::codec::{decode, encode};

fn field(name: &'static str, ty: &'static str) -> Field {
    Field { name: name.into(), ty: ty.into(), ..Field::EMPTY }
}

fn of_struct(name: &'static str, fields: &[Field]) -> Definition {
    Definition { name: name.into(), shape: Shape::Struct(Fields::Named(fields.to_vec().into())), ..Definition::EMPTY }
}

fn of_enum(tagging: Tagging, variants: &[(&'static str, Fields)]) -> Definition {
    let variant = |(name, fields): &(&'static str, Fields)| Variant { name: (*name).into(), fields: fields.clone() };
    let variants = variants.iter().map(variant).collect::<Vec<_>>();
    Definition { name: "Choice".into(), shape: Shape::Enum(tagging, variants.into()), ..Definition::EMPTY }
}

/// Returns definitions of every shape.
fn all() -> Vec<Definition> {
    let options = Field {
        is_optional: true,
        is_flattened: true,
        with: "serde_bytes".into(),
        ..field("rest", "BTreeMap<String, Value>")
    };
    let named = [
        field("id", "u64"),
        field("type", "&'a str"),
        field("self", "u8"),
        field("hit-points", "u8"),
        field("hit_points", "u8"),
        field("7", "u8"),
        field("\u{202e}\n", "u8"),
        options,
    ];
    let unnamed = Fields::Unnamed(vec![field("", "u8"), Field { is_optional: true, ..field("", "Vec<T>") }].into());
    let variants = [
        ("Unit", Fields::Unit),
        ("in_place", unnamed.clone()),
        ("no name", Fields::Named(named[..2].to_vec().into())),
        ("Empty", Fields::Named(Cow::Borrowed(&[]))),
    ];
    vec![
        Definition { name: "Nothing".into(), ..Definition::EMPTY },
        Definition { name: "Pair".into(), generics: "T: Clone".into(), shape: Shape::Struct(unnamed) },
        Definition { generics: "'a".into(), ..of_struct("Item", &named) },
        of_struct("Bare", &[]),
        of_enum(Tagging::External, &variants),
        of_enum(Tagging::Internal("kind".into()), &variants[..1]),
        of_enum(Tagging::Adjacent("kind".into(), "con\"tent".into()), &variants[..1]),
        of_enum(Tagging::Untagged, &[]),
    ]
}

#[test]
fn definitions_print_as_the_source_of_types_with_their_encoding() {
    let printed: Vec<_> = all().iter().map(ToString::to_string).collect();
    let expected = r#"#[derive(Deserialize, Schema, Serialize)]
pub struct Nothing;

#[derive(Deserialize, Schema, Serialize)]
pub struct Pair<T: Clone>(u8, #[serde(default)] Vec<T>);

#[derive(Deserialize, Schema, Serialize)]
pub struct Item<'a> {
    id: u64,
    r#type: &'a str,
    #[serde(rename = "self")]
    self_: u8,
    #[serde(rename = "hit-points")]
    hit_points_3: u8,
    hit_points: u8,
    #[serde(rename = "7")]
    _7: u8,
    #[serde(rename = "\u{202e}\n")]
    ___: u8,
    #[serde(default, flatten, with = "serde_bytes")]
    rest: BTreeMap<String, Value>,
}

#[derive(Deserialize, Schema, Serialize)]
pub struct Bare {}

#[derive(Deserialize, Schema, Serialize)]
pub enum Choice {
    Unit,
    in_place(u8, #[serde(default)] Vec<T>),
    #[serde(rename = "no name")]
    no_name {
        id: u64,
        r#type: &'a str,
    },
    Empty {},
}

#[derive(Deserialize, Schema, Serialize)]
#[serde(tag = "kind")]
pub enum Choice {
    Unit,
}

#[derive(Deserialize, Schema, Serialize)]
#[serde(tag = "kind", content = "con\"tent")]
pub enum Choice {
    Unit,
}

#[derive(Deserialize, Schema, Serialize)]
#[serde(untagged)]
pub enum Choice {}
"#;
    assert_eq!(printed.join("\n"), expected);
}

#[test]
fn encoded_definitions_are_decoded() {
    for definition in all() {
        let mut bytes = Vec::new();
        encode(&mut bytes, &definition).unwrap();
        assert_eq!(decode::<Definition>(&bytes).unwrap(), definition);
    }
    let contract = Contract { name: "C".into(), definitions: all().into(), ..Contract::EMPTY };
    let mut bytes = Vec::new();
    encode(&mut bytes, &contract).unwrap();
    assert_eq!(decode::<Contract>(&bytes).unwrap(), contract);
    assert!(contract.to_string().ends_with("pub enum Choice {}\n"));
}

#[test]
fn definition_that_cannot_be_printed_is_refused() {
    let decoded = |value: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        value(&mut bytes);
        decode::<Definition>(&bytes).unwrap_err().to_string()
    };
    let none: [(); 0] = [];
    let of_form = decoded(&|out| encode(out, &("A", "", "union", none)).unwrap());
    assert!(of_form.contains("\"union\", expected `unit`, `unnamed`, `named`, `enum` or `untagged`"), "{of_form}");
    let of_name = decoded(&|out| encode(out, &("A {}", "", "unit", none)).unwrap());
    assert!(of_name.contains("expected a name in Rust"), "{of_name}");
    for ty in ["u8) {", "u8 // x", "\u{202e}u8"] {
        let of_type = decoded(&|out| encode(out, &("A", "", "named", [("a", ty)])).unwrap());
        assert!(of_type.contains("expected a type or a bound in Rust"), "{of_type}");
    }
}

type Parts = Vec<Option<&'static Node>>;

fn node(place: &'static str, definition: Definition, parts: Parts) -> Option<&'static Node> {
    let definition: &'static Definition = Box::leak(Box::new(definition));
    let parts: &'static [Option<&'static Node>] = parts.leak();
    Some(Box::leak(Box::new(Node { definition, place, hash: hash(definition), parts })))
}

fn leaf(name: &'static str, ty: &'static str) -> Option<&'static Node> {
    node("m", of_struct(name, &[field("a", ty)]), Vec::new())
}

#[test]
fn structure_depends_on_the_encoding_only() {
    let base = of_struct("A", &[field("a", "u8"), field("b", "&'a str")]);
    let changed = |change: fn(&mut Vec<Field>)| {
        let mut fields = vec![field("a", "u8"), field("b", "&'a str")];
        change(&mut fields);
        hash(&of_struct("A", &fields)) != hash(&base)
    };
    assert!(changed(|fields| fields[0].name = "c".into()));
    assert!(changed(|fields| fields[0].ty = "u16".into()));
    assert!(changed(|fields| fields[0].with = "serde_bytes".into()));
    assert!(changed(|fields| fields[0].is_flattened = true));
    assert!(changed(|fields| fields.reverse()));
    assert!(changed(|fields| fields.truncate(1)));
    assert!(changed(|fields| fields.push(field("c", "u8"))));
    assert!(!changed(|fields| fields[0].is_optional = true));
    assert!(!changed(|fields| fields[1].ty = "&str".into()));
    let mut hashes: Vec<_> = all().iter().map(hash).collect();
    let unnamed = Definition { shape: Shape::Struct(Fields::Unnamed(Cow::Borrowed(&[]))), ..of_struct("Bare", &[]) };
    hashes.extend([hash(&unnamed), hash(&Definition { generics: "T".into(), ..of_struct("Bare", &[]) })]);
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), all().len() + 2);
}

#[test]
fn structure_depends_on_the_definitions_behind_a_name() {
    let outer = |name, inner| node("m", of_struct(name, &[field("inner", "Inner")]), vec![inner]);
    let (one, other) = (leaf("Inner", "u8"), leaf("Inner", "u16"));
    assert_ne!(structure(&[outer("A", one)]), structure(&[outer("A", other)]));
    assert_ne!(structure(&[outer("A", one)]), structure(&[outer("A", None)]));
    assert_eq!(structure(&[outer("A", one)]), structure(&[outer("A", leaf("Inner", "u8"))]));
    // Two types of one name, mentioned the other way round.
    let elsewhere = node("n", of_struct("Inner", &[field("a", "u16")]), Vec::new());
    let both = |first, second| [outer("A", first), outer("B", second)];
    assert_ne!(structure(&both(one, elsewhere)), structure(&both(elsewhere, one)));
    // Types of the same content and place are one type.
    assert_eq!(definition_count(&[one, leaf("Inner", "u8"), None, elsewhere]), 2);
    let collected: [Definition; 2] = definitions(&[None, elsewhere, one, elsewhere]);
    assert_eq!(collected.map(|definition| definition.to_string().contains("u16")), [true, false]);
    assert_eq!(structure(&[None, None]), 0);
    assert_eq!(structure(&[]), 0);
}

#[test]
fn types_beyond_the_maximum_count_by_name() {
    let many: Parts = (0..300_u32)
        .map(|number| node("m", of_struct(format!("T{number}").leak(), &[field("a", "u8")]), Vec::new()))
        .collect();
    assert_eq!(definition_count(&many), 256);
    assert_eq!(structure(&many[..256]), structure(&many[..256]));
    let mut changed = many.clone();
    changed[299] = leaf("T299", "u16");
    assert_eq!(structure(&many), structure(&changed));
    changed[255] = leaf("T255", "u16");
    assert_ne!(structure(&many), structure(&changed));
}

/// Peers compare fingerprints, so these numbers must never change.
#[test]
fn structures_never_change() {
    let hashes = all().iter().fold(0_u64, |sum, definition| sum.wrapping_mul(31).wrapping_add(hash(definition)));
    let tree = node("m", of_struct("Tree", &[field("inner", "Inner")]), vec![leaf("Inner", "u8"), None]);
    let method = Method { wire_name: "ping".into(), structure: structure(&[tree]), ..Method::EMPTY };
    assert_eq!(
        [hashes, method.structure, method.fingerprint()],
        [0x3d0f_570a_f92f_fc05, 0x40e2_c77a_76c3_9f6a, 0x724a_eb6b_dc27_af06]
    );
}
