/// Encodes bytes as hexadecimal digits, two for each byte.
pub(crate) fn encode(bytes: &[u8]) -> String {
    use std::fmt::Write;

    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(digits, "{byte:02x}").expect("writing to a String does not fail");
    }
    digits
}

/// Decodes an even number of hexadecimal digits.
pub(super) fn decode(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = digits.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
