//! The rules of serde's `rename_all`.

/// A rule for the names of fields or variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

/// The names of the rules in attributes.
const RULES: [(&str, Rule); 8] = [
    ("lowercase", Rule::Lower),
    ("UPPERCASE", Rule::Upper),
    ("PascalCase", Rule::Pascal),
    ("camelCase", Rule::Camel),
    ("snake_case", Rule::Snake),
    ("SCREAMING_SNAKE_CASE", Rule::ScreamingSnake),
    ("kebab-case", Rule::Kebab),
    ("SCREAMING-KEBAB-CASE", Rule::ScreamingKebab),
];

impl Rule {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        RULES.into_iter().find_map(|(known, rule)| (known == name).then_some(rule))
    }

    /// Returns the name of a field, whose words have underscores between them.
    pub(super) fn apply_to_field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(capitalized).collect(),
            Self::Camel => uncapitalized(&Self::Pascal.apply_to_field(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// Returns the name of a variant, whose words begin with capitals.
    pub(super) fn apply_to_variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => uncapitalized(name),
            Self::Snake | Self::ScreamingSnake | Self::Kebab | Self::ScreamingKebab => {
                let mut snake = String::new();
                for (at, character) in name.char_indices() {
                    if at > 0 && character.is_uppercase() {
                        snake.push('_');
                    }
                    snake.push(character.to_ascii_lowercase());
                }
                self.apply_to_field(&snake)
            }
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

fn uncapitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_rename_as_serde_does() {
        for (rule, field, variant) in [
            ("lowercase", "hit_points", "verygood"),
            ("UPPERCASE", "HIT_POINTS", "VERYGOOD"),
            ("PascalCase", "HitPoints", "VeryGood"),
            ("camelCase", "hitPoints", "veryGood"),
            ("snake_case", "hit_points", "very_good"),
            ("SCREAMING_SNAKE_CASE", "HIT_POINTS", "VERY_GOOD"),
            ("kebab-case", "hit-points", "very-good"),
            ("SCREAMING-KEBAB-CASE", "HIT-POINTS", "VERY-GOOD"),
        ] {
            let rule = Rule::from_name(rule).unwrap();
            assert_eq!(rule.apply_to_field("hit_points"), field);
            assert_eq!(rule.apply_to_variant("VeryGood"), variant);
        }
        assert_eq!(Rule::from_name("Title Case"), None);
    }
}
