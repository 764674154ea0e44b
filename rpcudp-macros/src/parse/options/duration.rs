use std::time::Duration;

/// Reads a whole number and a unit, as in "300ms".
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits_len = text.find(|character: char| !character.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_len);
    let number = digits.parse::<u64>().ok()?;
    match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_number_and_a_unit() {
        assert_eq!(duration("250us"), Some(Duration::from_micros(250)));
        assert_eq!(duration("300ms"), Some(Duration::from_millis(300)));
        assert_eq!(duration("2s"), Some(Duration::from_secs(2)));
        assert_eq!(duration("1m"), Some(Duration::from_secs(60)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for wrong in ["", "s", "2", "2h", "2 s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615m"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
