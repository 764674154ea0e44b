use std::collections::BTreeSet;

use crate::lock::Lock;

/// Returns a name that lives for the rest of the program. Equal names are kept once.
pub(crate) fn interned(name: &str) -> &'static str {
    static NAMES: Lock<BTreeSet<&'static str>> = Lock::new(BTreeSet::new());
    let mut names = NAMES.lock();
    if let Some(name) = names.get(name) {
        return name;
    }
    let name: &'static str = Box::leak(Box::from(name));
    names.insert(name);
    name
}
