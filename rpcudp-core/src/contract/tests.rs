use super::*;
use crate::codec::{decode, encode};

const fn text(text: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(text)
}

fn argument(name: &'static str, ty: &'static str) -> Argument {
    Argument { name: text(name), ty: text(ty) }
}

fn lookup() -> Method {
    Method {
        name: text("lookup"),
        wire_name: text("kad.lookup"),
        doc: text("Finds a value.\n\nOr does not."),
        arguments: vec![argument("key", "&'a [u8]"), argument("r#type", "Option<Kind<'_>>")].into(),
        returns: text("Option<Vec<u8>>"),
        delivery: Delivery::AtLeastOnce,
        timeout: Some(Duration::from_micros(1_500)),
        is_async: true,
        ..Method::EMPTY
    }
}

fn store() -> Method {
    Method {
        name: text("r#move"),
        wire_name: text("kad.m\u{f6}ve\n\"\u{202e}"),
        arguments: vec![argument("cx", "custom::Context"), argument("value", "Self::Value")].into(),
        returns: text("Outcome<u8>"),
        fallible: true,
        delivery: Delivery::AtMostOnce,
        timeout: Some(Duration::from_millis(60_001)),
        wait_for_ready: true,
        aliases: vec![text("kad.go")].into(),
        is_blocking: true,
        session: Some(text("operator")),
        ..Method::EMPTY
    }
}

fn contract() -> Contract {
    Contract {
        name: text("Kad"),
        namespace: text("kad."),
        doc: text("A table."),
        generics: text("K: Ord, const N: usize = 2"),
        bounds: vec![text("Self::Value: Clone"), text("K: Send")].into(),
        types: vec![AssociatedType { name: text("Value"), bounds: text("Serialize + DeserializeOwned") }].into(),
        methods: vec![lookup(), store()].into(),
        ..Contract::EMPTY
    }
}

fn bytes(value: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes, value).unwrap();
    bytes
}

#[test]
fn contract_prints_as_its_trait() {
    let printed = r#"/// A table.
#[rpc_service(namespace = "kad.")]
pub trait Kad<K: Ord, const N: usize = 2>
where
    Self::Value: Clone,
    K: Send,
{
    type Value: Serialize + DeserializeOwned;

    /// Finds a value.
    ///
    /// Or does not.
    #[rpc(at_least_once, timeout = "1500us")]
    async fn lookup(&self, key: &'a [u8], r#type: Option<Kind<'_>>) -> Option<Vec<u8>>;

    #[rpc(name = "möve\n\"\u{202e}", alias = "go", at_most_once, timeout = "60001ms", wait_for_ready, blocking, session = "operator", fallible)]
    fn r#move(&self, #[rpc(argument)] cx: custom::Context, value: Self::Value) -> Outcome<u8>;
}
"#;
    assert_eq!(contract().to_string(), printed);
}

#[test]
fn contract_round_trips() {
    let sent = contract();
    assert_eq!(decode::<Contract>(&bytes(&sent)).unwrap(), sent);
    let json = serde_json::to_string(&sent).unwrap();
    assert_eq!(serde_json::from_str::<Contract>(&json).unwrap(), sent);
    let timeout = Duration::new(u64::MAX, 999_999_999);
    let method = Method { name: text("f"), timeout: Some(timeout), ..Method::EMPTY };
    assert_eq!(decode::<Method>(&bytes(&method)).unwrap(), method);
}

#[test]
fn later_fields_are_skipped_and_missing_ones_fail() {
    let argument: Argument = decode(&bytes(&("name", "u8", 42, ("later",)))).unwrap();
    assert_eq!((&*argument.name, &*argument.ty), ("name", "u8"));
    let error = serde_json::from_str::<Argument>(r#"["name"]"#).unwrap_err();
    assert!(
        error.to_string().starts_with("invalid length 1, expected an argument: an array of name and type"),
        "{error}"
    );
}

#[test]
fn fields_of_later_versions_are_sent_only_if_they_are_used() {
    let fields = ("f", "f", "", [(); 0], "()", false, "maybe", None::<u8>, false);
    let method = Method { name: text("f"), wire_name: text("f"), ..Method::EMPTY };
    assert_eq!(bytes(&method), bytes(&fields));
    let method = Method { wait_for_ready: true, ..method };
    let fields = ("f", "f", "", [(); 0], "()", false, "maybe", None::<u8>, false, true);
    assert_eq!(bytes(&method), bytes(&fields));
    let method = Method { wait_for_ready: false, aliases: vec![text("g")].into(), ..method };
    let fields = ("f", "f", "", [(); 0], "()", false, "maybe", None::<u8>, false, false, ["g"]);
    assert_eq!(bytes(&method), bytes(&fields));
    let method = Method { is_blocking: true, aliases: Cow::Borrowed(&[]), ..method };
    let fields = ("f", "f", "", [(); 0], "()", false, "maybe", None::<u8>, false, false, [(); 0], true);
    assert_eq!(bytes(&method), bytes(&fields));
    let method = Method { is_blocking: false, is_secure: true, ..method };
    let fields = ("f", "f", "", [(); 0], "()", false, "maybe", None::<u8>, false, false, [(); 0], false, true);
    assert_eq!(bytes(&method), bytes(&fields));
    assert_eq!(decode::<Method>(&bytes(&method)).unwrap(), method);
    let method = Method { is_secure: false, session: Some(text("")), ..method };
    let fields = ("f", "f", "", [(); 0], "()", false, "maybe", None::<u8>, false, false, [(); 0], false, false, "");
    assert_eq!(bytes(&method), bytes(&fields));
    assert_eq!(decode::<Method>(&bytes(&method)).unwrap(), method);
}

#[test]
fn contract_of_an_untrusted_peer_is_printable() {
    let refused = |name: &str, ty: &str| decode::<Argument>(&bytes(&(name, ty))).is_err();
    for name in ["", "1", "a b", "a\n", "a;", "r#", "\u{202e}a", "a\u{200b}", "\u{1b}[2J"] {
        assert!(refused(name, "u8"), "{name:?}");
    }
    for ty in ["u8); }", "(u8", "[u8)", "u8 // no", "u8 /* no", "u8\n", "\u{1b}[2J", "\u{202e}u8", "\u{feff}"] {
        assert!(refused("name", ty), "{ty:?}");
    }
    assert!(!refused("na\u{ef}ve_2", "[Gr\u{f6}\u{df}e<'_, { (1 / 2) }>; 3]"));
    let doc = Method { name: text("f"), doc: text("one\r\n\u{1b}[2J\u{202e}two\tthree"), ..Method::EMPTY };
    assert_eq!(decode::<Method>(&bytes(&doc)).unwrap().doc, "one\n[2Jtwo\tthree");
    let method = bytes(&("f", "f", "", [(); 0], "()", false, "maybe", (1, 1_000_000_000), false));
    assert!(decode::<Method>(&method).is_err(), "a second of nanoseconds");
    let namespace =
        bytes(&("C", "ns.", "", "", [(); 0], [(); 0], [("f", "f", "", [(); 0], "()", false, "maybe", (), false)]));
    assert!(decode::<Contract>(&namespace).unwrap_err().to_string().contains(r#""f" does not begin with "ns.""#));
    let method = ("f", "ns.f", "", [(); 0], "()", false, "maybe", (), false, false, ["g"]);
    let namespace = bytes(&("C", "ns.", "", "", [(); 0], [(); 0], [method]));
    assert!(decode::<Contract>(&namespace).unwrap_err().to_string().contains(r#""g" does not begin with "ns.""#));
    let method = bytes(&("f", "f", "", [(); 0], "()", false, "twice", None::<u8>, false));
    assert!(decode::<Method>(&method).is_err(), "an unknown delivery");
}

/// Returns `true` if a change of `lookup` changes its fingerprint.
fn changes(change: impl FnOnce(&mut Method)) -> bool {
    let mut method = lookup();
    change(&mut method);
    method.fingerprint() != lookup().fingerprint()
}

#[test]
fn fingerprint_depends_on_the_parts_that_callers_use() {
    assert!(changes(|method| method.wire_name = text("lookup")));
    assert!(changes(|method| method.arguments.to_mut().truncate(1)));
    assert!(changes(|method| method.arguments.to_mut().reverse()));
    assert!(changes(|method| method.arguments.to_mut().push(argument("limit", "Option<u8>"))));
    assert!(changes(|method| method.arguments.to_mut()[0].ty = text("&'a [u16]")));
    assert!(changes(|method| method.returns = text("Vec<u8>")));
    assert!(changes(|method| method.fallible = true));
    for delivery in [Delivery::Maybe, Delivery::AtMostOnce, Delivery::OneWay] {
        assert!(changes(|method| method.delivery = delivery), "{delivery:?}");
    }
    // The border between two fields counts.
    assert!(changes(|method| method.arguments = vec![argument("key", "&'a [u8]Option<Kind<'_>>")].into()));
}

#[test]
fn fingerprint_ignores_the_parts_that_callers_do_not_use() {
    assert!(!changes(|method| method.name = text("find")));
    assert!(!changes(|method| method.doc = text("")));
    assert!(!changes(|method| method.timeout = None));
    assert!(!changes(|method| method.is_async = false));
    assert!(!changes(|method| method.wait_for_ready = true));
    assert!(changes(|method| method.is_secure = true));
    assert!(!changes(|method| method.is_blocking = true));
    assert!(!changes(|method| method.session = Some(text(""))));
    assert!(!changes(|method| method.aliases = vec![text("kad.find")].into()));
    assert!(!changes(|method| method.arguments.to_mut()[0].name = text("k")));
    assert!(!changes(|method| method.arguments.to_mut()[0].ty = text("&[u8]")));
    assert!(!changes(|method| method.arguments.to_mut()[1].ty = text("Option<Kind<'b>>")));
}

#[test]
fn fingerprint_of_a_contract_is_the_sum_of_its_methods() {
    let mut other = contract();
    (other.name, other.doc, other.namespace, other.generics) = (text("Other"), text(""), text("k"), text(""));
    other.methods.to_mut().reverse();
    assert_eq!(other.fingerprint(), contract().fingerprint());
    other.methods.to_mut().pop();
    assert_ne!(other.fingerprint(), contract().fingerprint());
    assert_eq!(Contract::EMPTY.fingerprint(), 0);
}

/// Peers compare fingerprints, so these numbers must never change.
#[test]
fn fingerprints_never_change() {
    const PING: &Method = &Method { wire_name: text("ping"), ..Method::EMPTY };
    const AT_COMPILE_TIME: u64 = PING.fingerprint();
    assert_eq!(AT_COMPILE_TIME, 0x6e6f_8923_d208_6726);
    assert_eq!(lookup().fingerprint(), 0x24e5_af88_b537_0aab);
    let secure = Method { is_secure: true, ..PING.clone() };
    assert_eq!(secure.fingerprint(), 0xb48b_5653_5f03_0db0);
    assert_eq!(contract().fingerprint(), 0xd273_8436_c405_5f8c);
}
