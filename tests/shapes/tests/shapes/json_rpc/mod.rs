//! Shapes after the manner of jsonrpsee: names, namespaces, notifications and generics.

mod alias;
mod alias_in_a_namespace;
mod alias_named_result;
mod alias_of_a_result;
mod conditional_methods;
mod deprecated_method;
mod generic_contract;
mod generic_with_default;
mod generic_with_where;
mod keywords;
mod map_argument;
mod names_of_the_client;
mod namespaced;
mod notifications;
mod options_in_several_attributes;
mod private_names;
mod renamed_methods;
mod result_as_a_value;
mod same_types_in_other_words;
mod timeouts;
mod waiting_for_the_peer;
