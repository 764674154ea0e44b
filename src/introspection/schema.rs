use std::marker::PhantomData;

use rpcudp_core::contract::Definition;
use rpcudp_core::contract::structure::{Mention, Node};

/// A type whose definition is part of the contracts that mention it. Derive it, with
/// `#[derive(rpcudp::Schema)]`.
///
/// A contract compares types by name, so two structs of one name pass for each other. The
/// definition of a type with this trait is part of each contract that mentions it, and of the
/// definitions that do. The [fingerprints](crate::contract::Method::fingerprint) of methods depend
/// on it, so that [`Endpoint::compare`](crate::Endpoint::compare) and
/// [`Join::require`](crate::session::Join::require) tell the structs apart, and `rpcudp describe`
/// prints them.
///
/// ```
/// use rpcudp::{Client, Schema, rpc_service};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize, Schema, Serialize)]
/// struct Player {
///     name: String,
///     #[serde(default)]
///     team: Option<Team>,
/// }
///
/// #[derive(Deserialize, Schema, Serialize)]
/// #[serde(rename_all = "lowercase")]
/// enum Team {
///     Red,
///     Blue,
/// }
///
/// #[rpc_service]
/// trait Lobby {
///     fn players(&self) -> Vec<Player>;
/// }
///
/// let names: Vec<_> = LobbyClient::CONTRACT.definitions.iter().map(|definition| &*definition.name).collect();
/// assert_eq!(names, ["Player", "Team"]);
/// let printed = "#[derive(Deserialize, Schema, Serialize)]
/// pub enum Team {
///     red,
///     blue,
/// }
/// ";
/// assert!(LobbyClient::CONTRACT.to_string().ends_with(printed));
/// ```
///
/// # The definition
///
/// It is the encoding of the type: the fields or variants in their order, with their types as text
/// and their names on the wire, after serde's `rename`, `rename_all` and `rename_all_fields`,
/// without those with `skip`. `tag`, `content`, `untagged`, `flatten` and `with` are part of it.
///
/// | changes a fingerprint | does not change it |
/// | --- | --- |
/// | a field or variant more or less, or in another place | documentation, visibility |
/// | another name on the wire | another name in Rust, if serde renames it back; `alias` |
/// | another type of a field, or another definition of that type | lifetimes, bounds of parameters |
/// | another place of an enum's tag, another `with` | `default`, `skip_serializing_if`, `deny_unknown_fields` |
/// | a generic parameter more or less, or under another name | |
///
/// The types of fields count in the same way, if they have the trait; others count by name. So do
/// types that are only reached through eight others, and those after the 256th of a method.
///
/// A generic type has one definition. Its arguments count where they are written, as in
/// `Page<Player>`. These types count by name: in a generic contract, a type that mentions a
/// parameter of the trait; a type behind an alias of a generic type, such as `Player` behind an
/// alias of `Vec<Player>`, except in an alias of `Result`; the argument of a user's generic type,
/// if its name could be that of a constant; a type with the name of a common one of the standard
/// library, such as `Option`.
///
/// The trait does not check that serde's traits are derived too. An attribute that no definition
/// can describe is an error: `from`, `into`, `remote`, a field that is skipped in one direction.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no definition",
    note = "write `#[derive(rpcudp::Schema)]` above the type"
)]
pub trait Schema {
    #[doc(hidden)]
    const DEFINITION: &'static Definition;
    #[doc(hidden)]
    const HASH: u64;
    #[doc(hidden)]
    const LEVEL_0: &'static Node;
    #[doc(hidden)]
    const LEVEL_1: &'static Node;
    #[doc(hidden)]
    const LEVEL_2: &'static Node;
    #[doc(hidden)]
    const LEVEL_3: &'static Node;
    #[doc(hidden)]
    const LEVEL_4: &'static Node;
    #[doc(hidden)]
    const LEVEL_5: &'static Node;
    #[doc(hidden)]
    const LEVEL_6: &'static Node;
    #[doc(hidden)]
    const LEVEL_7: &'static Node;
    #[doc(hidden)]
    const LEVEL_8: &'static Node;
}

/// The question whether a type has a definition. Its own constants come before those of
/// [`NoSchema`], where both exist.
#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

/// The constants of a [`Probe`] of a type without a definition.
#[doc(hidden)]
pub trait NoSchema {
    const LEVEL_0: Mention = None;
    const LEVEL_1: Mention = None;
    const LEVEL_2: Mention = None;
    const LEVEL_3: Mention = None;
    const LEVEL_4: Mention = None;
    const LEVEL_5: Mention = None;
    const LEVEL_6: Mention = None;
    const LEVEL_7: Mention = None;
    const LEVEL_8: Mention = None;
}

impl<T: ?Sized> NoSchema for Probe<T> {}

impl<T: Schema + ?Sized> Probe<T> {
    pub const LEVEL_0: Mention = Some(T::LEVEL_0);
    pub const LEVEL_1: Mention = Some(T::LEVEL_1);
    pub const LEVEL_2: Mention = Some(T::LEVEL_2);
    pub const LEVEL_3: Mention = Some(T::LEVEL_3);
    pub const LEVEL_4: Mention = Some(T::LEVEL_4);
    pub const LEVEL_5: Mention = Some(T::LEVEL_5);
    pub const LEVEL_6: Mention = Some(T::LEVEL_6);
    pub const LEVEL_7: Mention = Some(T::LEVEL_7);
    pub const LEVEL_8: Mention = Some(T::LEVEL_8);
}
