use super::*;
use crate::codec::decode;
use crate::contract::{Argument, Definition, Field, Fields, Method, Shape, Tagging, Variant};
use crate::limits::MAX_RESPONSE_BODY_LEN;

const fn text(text: &'static str) -> std::borrow::Cow<'static, str> {
    std::borrow::Cow::Borrowed(text)
}

/// Returns a contract with documentation of `doc_len` bytes, as much for its method.
fn contract(name: &'static str, doc_len: usize) -> &'static Contract {
    let doc: &'static str = Box::leak("\u{e4}bc\u{20ac} de\n".repeat(doc_len / 11).into_boxed_str());
    Box::leak(Box::new(Contract {
        name: text(name),
        namespace: text("ns."),
        doc: text(doc),
        methods: vec![Method {
            name: text("method"),
            wire_name: text("ns.method"),
            doc: text(doc),
            arguments: vec![Argument { name: text("argument"), ty: text("&[u8]") }].into(),
            ..Method::EMPTY
        }]
        .into(),
        ..Contract::EMPTY
    }))
}

fn bytes(page: &Page) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, page).unwrap();
    bytes
}

/// Returns all pages of a description, encoded and decoded.
fn pages(description: &Description) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut from = 0;
    loop {
        let page: Page = decode(&bytes(&description.page(from))).unwrap();
        from += u32::try_from(page.parts.len()).unwrap();
        pages.push(page);
        if pages[0].total <= from {
            return pages;
        }
    }
}

fn assemble(pages: impl IntoIterator<Item = Page>) -> Result<Vec<Contract>, String> {
    let mut assembly = Assembly::default();
    for page in pages {
        assert!(assembly.wanted().is_some(), "more pages than wanted");
        assembly.add(page).map_err(|error| error.to_string())?;
    }
    assert_eq!(assembly.wanted(), None);
    Ok(assembly.finish())
}

#[test]
fn contracts_of_any_size_fit_on_small_pages() {
    for doc_len in [0, 11, 1_000, 1_100, 1_199, 1_210, 5_000, 100_000] {
        let contracts = [contract("One", doc_len), contract("Two", doc_len / 2)];
        for page_len in [0, 64, 500, Description::PAGE_LEN, 8_171] {
            let description = Description::new(&contracts, page_len);
            let pages = pages(&description);
            for page in &pages {
                let len = bytes(page).len();
                assert!(len <= page_len || page.parts.len() == 1, "{len} bytes of {page_len}");
                // A head without documentation, or the shortest piece of documentation.
                assert!(len <= page_len.max(160), "{len} bytes of {page_len}");
            }
            let assembled = assemble(pages).unwrap();
            assert_eq!(assembled.iter().collect::<Vec<_>>(), contracts, "{doc_len} on {page_len}");
        }
    }
}

#[test]
fn pages_are_filled() {
    let contracts: Vec<_> = (0..100).map(|_| contract("One", 0)).collect();
    let description = Description::new(&contracts, Description::PAGE_LEN);
    let pages = pages(&description);
    let (_, filled) = pages.split_last().unwrap();
    assert!(filled.len() > 2);
    for page in filled {
        // Each part is longer than the room that is left.
        assert!(bytes(page).len() > Description::PAGE_LEN - 120, "{}", bytes(page).len());
    }
}

#[test]
fn large_method_has_a_page_of_its_own() {
    let arguments: Vec<_> = (0..200).map(|_| Argument { name: text("argument"), ty: text("Option<u8>") }).collect();
    let method = Method { name: text("f"), wire_name: text("f"), arguments: arguments.into(), ..Method::EMPTY };
    let large = Contract { name: text("Large"), methods: vec![method].into(), ..Contract::EMPTY };
    let large: &'static Contract = Box::leak(Box::new(large));
    let pages = pages(&Description::new(&[large], Description::PAGE_LEN));
    assert_eq!(pages.len(), 2);
    assert!((2_000..MAX_RESPONSE_BODY_LEN).contains(&bytes(&pages[1]).len()));
    assert_eq!(assemble(pages).unwrap(), std::slice::from_ref(large));
}

#[test]
fn page_beyond_the_end_is_empty() {
    let description = Description::new(&[contract("One", 0)], Description::PAGE_LEN);
    for from in [2, 3, u32::MAX] {
        let page = description.page(from);
        assert_eq!((page.total, page.parts.len()), (2, 0));
    }
    let empty = Description::new(&[], Description::PAGE_LEN).page(0);
    assert_eq!(assemble([empty]).unwrap(), []);
}

#[test]
fn different_descriptions_have_different_versions() {
    let version = |contract| Description::new(&[contract], Description::PAGE_LEN).page(0).version;
    assert_eq!(version(contract("One", 110)), version(contract("One", 110)));
    assert_ne!(version(contract("One", 110)), version(contract("Two", 110)));
    assert_ne!(version(contract("One", 110)), version(contract("One", 121)));
}

#[test]
fn additions_of_later_versions_are_skipped() {
    let method = ("f", "f", "", [(); 0], "()", false, "maybe", None::<u8>, false);
    let head = ("C", "", "", "", [(); 0], [(); 0], [(); 0]);
    let mut later = Vec::new();
    encode(&mut later, &(3, (("contract", head, 1), ("constant", 42), ("method", method)), 7, "more")).unwrap();
    let contracts = assemble([decode(&later).unwrap()]).unwrap();
    assert_eq!((&*contracts[0].name, contracts[0].methods.len()), ("C", 1));
}

#[test]
fn inconsistent_pages_are_refused() {
    let head = || Part::Contract(contract("One", 0).clone());
    let page = |total, parts: &[Part]| Page { total, parts: parts.to_vec(), version: 1 };
    let error = |pages: &[Page]| assemble(pages.iter().cloned()).unwrap_err();

    assert!(error(&[page(1, &[])]).ends_with("a page is empty"));
    assert!(error(&[page(2, &[head()]), page(2, &[])]).ends_with("a page is empty"));
    assert!(error(&[page(1, &[head(), head()])]).ends_with("a page has 2 parts, and 1 are left"));
    assert!(error(&[page(u32::MAX, &[head()])]).contains("at most 16384 are read"));
    assert!(error(&[page(2, &[head()]), page(3, &[head()])]).ends_with("it changed while it was read"));
    assert!(error(&[page(1, &[Part::Doc(text("text"))])]).ends_with("it does not begin with a contract"));
    let foreign = Part::Method(Method { name: text("f"), wire_name: text("f"), ..Method::EMPTY });
    assert!(error(&[page(2, &[head(), foreign])]).ends_with(r#""f" does not begin with "ns.""#));

    let doc = Part::Doc("x".repeat(60_000).into());
    let mut many = vec![page(Assembly::MAX_PARTS, &[head()])];
    many.extend((0..20).map(|_| page(Assembly::MAX_PARTS, std::slice::from_ref(&doc))));
    assert!(error(&many).contains("more than the 1048576 bytes"));
}

#[test]
fn malformed_pages_are_refused() {
    let refused = |value: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        value(&mut bytes);
        decode::<Page>(&bytes).unwrap_err().to_string()
    };
    assert!(refused(&|out| encode(out, &1).unwrap()).contains("expected a page"));
    assert!(refused(&|out| encode(out, &(1, [(); 0])).unwrap()).contains("invalid length 2, expected a page"));
    assert!(refused(&|out| encode(out, &(1, [("doc",)], 1)).unwrap()).contains("expected a part of a description"));
    assert!(refused(&|out| encode(out, &(1, [(1, 2)], 1)).unwrap()).contains("expected a string"));
}

/// Returns a contract with an enum and two structs of this many items.
fn with_definitions(count: usize) -> &'static Contract {
    let field = |at: usize| Field { name: format!("field{at}").into(), ty: text("Option<u8>"), ..Field::EMPTY };
    let fields: Vec<_> = (0..count).map(field).collect();
    let variant = |at: usize| Variant {
        name: format!("Variant{at}").into(),
        fields: if at.is_multiple_of(2) { Fields::Unit } else { Fields::Named(fields[..at.min(3)].to_vec().into()) },
    };
    let variants: Vec<_> = (0..count).map(variant).collect();
    let shapes = [
        Shape::Struct(Fields::Named(fields.clone().into())),
        Shape::Enum(Tagging::Adjacent(text("tag"), text("content")), variants.into()),
        Shape::Struct(Fields::Unit),
        Shape::Struct(Fields::Unnamed(fields.into())),
    ];
    let definitions = shapes.map(|shape| Definition { name: text("Type"), shape, ..Definition::EMPTY });
    Box::leak(Box::new(Contract { definitions: definitions.to_vec().into(), ..contract("Types", 0).clone() }))
}

#[test]
fn definitions_of_any_size_fit_on_small_pages() {
    for count in [0, 1, 2, 50, 3_000] {
        let contracts = [with_definitions(count), contract("Two", 100)];
        for page_len in [0, 64, 500, Description::PAGE_LEN, 8_171] {
            let description = Description::new(&contracts, page_len);
            let pages = pages(&description);
            for page in &pages {
                let len = bytes(page).len();
                assert!(len <= page_len || page.parts.len() == 1, "{len} bytes of {page_len}");
                assert!(len <= page_len.max(160), "{len} bytes of {page_len}");
            }
            if page_len == Description::PAGE_LEN && count > 50 {
                let full = pages.iter().filter(|page| bytes(page).len() > page_len - 100).count();
                assert!(full * 10 > pages.len() * 8, "{full} of {}", pages.len());
            }
            let assembled = assemble(pages).unwrap();
            assert_eq!(assembled.iter().collect::<Vec<_>>(), contracts, "{count} on {page_len}");
        }
    }
}

#[test]
fn items_without_their_type_are_refused() {
    let page = |parts: Vec<Part>| Page { total: parts.len() as u32, parts, version: 1 };
    let contract = || Part::Contract(Contract { name: text("C"), ..Contract::EMPTY });
    let fields = || Part::Fields(vec![Field { name: text("a"), ty: text("u8"), ..Field::EMPTY }].into());
    let variants = || Part::Variants(vec![Variant { name: text("A"), fields: Fields::Unit }].into());
    let unit = || Part::Type(Definition { name: text("U"), ..Definition::EMPTY });
    for (parts, expected) in [
        (vec![unit()], "it does not begin with a contract"),
        (vec![contract(), fields()], "fields do not follow a struct"),
        (vec![contract(), unit(), fields()], "fields do not follow a struct"),
        (vec![contract(), unit(), variants()], "variants do not follow an enum"),
    ] {
        let error = assemble([page(parts)]).unwrap_err();
        assert!(error.ends_with(expected), "{error}");
    }
}

#[test]
fn definitions_count_towards_the_length_that_is_read() {
    let long = |len: usize| -> std::borrow::Cow<'static, str> { "x".repeat(len).into() };
    let fields = vec![Field { name: text(""), ty: text("u8"), ..Field::EMPTY }; 10_000];
    let variants = vec![Variant { name: text(""), fields: Fields::Unit }; 20_000];
    let tagging = Tagging::Adjacent(long(200_000), long(200_000));
    for part in [
        Part::Fields(fields.into()),
        Part::Variants(variants.into()),
        Part::Type(Definition { generics: long(300_000), ..Definition::EMPTY }),
        Part::Type(Definition { shape: Shape::Enum(tagging, text_free()), ..Definition::EMPTY }),
    ] {
        let head = match part {
            Part::Variants(_) => Shape::Enum(Tagging::External, text_free()),
            _ => Shape::Struct(Fields::Named(std::borrow::Cow::Borrowed(&[]))),
        };
        let start = vec![
            Part::Contract(Contract { name: text("C"), ..Contract::EMPTY }),
            Part::Type(Definition { name: text("T"), shape: head, ..Definition::EMPTY }),
        ];
        let parts: Vec<_> = start.into_iter().chain(vec![part; 5]).collect();
        let error = assemble([Page { total: 7, parts, version: 1 }]).unwrap_err();
        assert!(error.ends_with("it has more than the 1048576 bytes that are read"), "{error}");
    }
}

fn text_free() -> std::borrow::Cow<'static, [Variant]> {
    std::borrow::Cow::Borrowed(&[])
}
