use std::time::Duration;

use super::Spread;

/// Formats the median and, in parentheses, the range of the values; a dash if there is no value.
pub(crate) fn spread(values: impl IntoIterator<Item = f64>, decimals: usize) -> String {
    let Some(Spread { median, min, max }) = Spread::of(values) else { return "-".into() };
    format!("{} ({}-{})", grouped(median, decimals), grouped(min, decimals), grouped(max, decimals))
}

/// Formats a number of at least zero with commas between groups of three digits.
pub(crate) fn grouped(value: f64, decimals: usize) -> String {
    let digits = format!("{value:.decimals$}");
    let whole_len = digits.find('.').unwrap_or(digits.len());
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && index < whole_len && (whole_len - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Converts a duration to microseconds.
pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_by_commas() {
        for (value, decimals, text) in [
            (0.0, 0, "0"),
            (999.0, 0, "999"),
            (1000.0, 0, "1,000"),
            (1_234_567.891, 1, "1,234,567.9"),
            (12.345, 2, "12.35"),
        ] {
            assert_eq!(grouped(value, decimals), text);
        }
    }

    #[test]
    fn spread_has_the_median_and_the_range() {
        assert_eq!(spread([1.0, 3.0, 2.0], 1), "2.0 (1.0-3.0)");
        assert_eq!(spread([], 1), "-");
    }
}
