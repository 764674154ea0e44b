use std::collections::{BTreeSet, HashMap};

use crate::Neighbourhood;

/// How much each neighbourhood has stored, and who the most.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    lens: HashMap<Neighbourhood, usize>,
    ranking: BTreeSet<(usize, Neighbourhood)>,
}

impl Shares {
    pub(super) fn len_of(&self, neighbourhood: &Neighbourhood) -> usize {
        self.lens.get(neighbourhood).copied().unwrap_or(0)
    }

    /// Who has stored the most, and how much.
    pub(super) fn largest(&self) -> Option<(usize, Neighbourhood)> {
        self.ranking.last().copied()
    }

    pub(super) fn add(&mut self, neighbourhood: Neighbourhood, len: usize) {
        self.set(neighbourhood, self.len_of(&neighbourhood) + len);
    }

    pub(super) fn take(&mut self, neighbourhood: Neighbourhood, len: usize) {
        self.set(neighbourhood, self.len_of(&neighbourhood) - len);
    }

    fn set(&mut self, neighbourhood: Neighbourhood, len: usize) {
        // Whoever has stored nothing leaves nothing behind.
        let old = if len == 0 { self.lens.remove(&neighbourhood) } else { self.lens.insert(neighbourhood, len) };
        if let Some(old) = old {
            self.ranking.remove(&(old, neighbourhood));
        }
        if len > 0 {
            self.ranking.insert((len, neighbourhood));
        }
    }
}
