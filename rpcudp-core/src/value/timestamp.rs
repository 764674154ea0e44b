use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::ext::{self, Ext};

const NANOSECONDS_PER_SECOND: u32 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A point in time: Python's `datetime`, and msgpack's extension type -1.
///
/// Converts to and from [`SystemTime`], which has no format of its own in msgpack. Prints as in RFC
/// 3339, in UTC.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use rpcudp_core::value::Timestamp;
///
/// let timestamp = Timestamp::new(1_514_862_245, 678_901_000).expect("less than a second");
/// assert_eq!(timestamp.to_string(), "2018-01-02T03:04:05.678901Z");
/// let time: SystemTime = timestamp.try_into()?;
/// assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::new(1_514_862_245, 678_901_000));
/// assert_eq!(Timestamp::from(time), timestamp);
/// # Ok::<(), rpcudp_core::value::TimestampOutOfRange>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
}

impl Timestamp {
    /// msgpack's extension type of timestamps.
    pub const KIND: i8 = -1;

    /// Creates a timestamp from the whole seconds since 1970-01-01T00:00:00Z, rounded down, and the
    /// nanoseconds since then. Returns `None` if the nanoseconds are a second or more.
    #[must_use]
    pub const fn new(seconds: i64, nanoseconds: u32) -> Option<Self> {
        if nanoseconds < NANOSECONDS_PER_SECOND { Some(Self { seconds, nanoseconds }) } else { None }
    }

    /// Returns the whole seconds since 1970-01-01T00:00:00Z, rounded down: negative before.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Returns the nanoseconds since the start of the second: less than 1,000,000,000.
    #[must_use]
    pub const fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// Decodes an extension value of type -1, in any of the three formats. Returns `None` for other
    /// extension values.
    #[must_use]
    pub fn from_ext(ext: &Ext) -> Option<Self> {
        if ext.kind == Self::KIND { Self::from_data(&ext.data) } else { None }
    }

    fn from_data(data: &[u8]) -> Option<Self> {
        let (seconds, nanoseconds) = if let Ok(seconds) = data.try_into() {
            (u32::from_be_bytes(seconds).into(), 0)
        } else if let Ok(both) = data.try_into() {
            let both = u64::from_be_bytes(both);
            ((both & ((1 << 34) - 1)) as i64, (both >> 34) as u32)
        } else {
            let (nanoseconds, seconds) = data.split_first_chunk()?;
            (i64::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(*nanoseconds))
        };
        Self::new(seconds, nanoseconds)
    }

    /// Calls `then` with the data of the shortest format: 4, 8 or 12 bytes.
    fn with_data<T>(self, then: impl FnOnce(&[u8]) -> T) -> T {
        match (u64::try_from(self.seconds), self.nanoseconds) {
            (Ok(seconds), 0) if seconds >> 32 == 0 => then(&(seconds as u32).to_be_bytes()),
            (Ok(seconds), nanoseconds) if seconds >> 34 == 0 => {
                then(&(u64::from(nanoseconds) << 34 | seconds).to_be_bytes())
            }
            _ => {
                let mut data = [0; 12];
                data[..4].copy_from_slice(&self.nanoseconds.to_be_bytes());
                data[4..].copy_from_slice(&self.seconds.to_be_bytes());
                then(&data)
            }
        }
    }
}

impl From<Timestamp> for Ext {
    fn from(timestamp: Timestamp) -> Self {
        timestamp.with_data(|data| Self::new(Timestamp::KIND, data))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        // The seconds of a `SystemTime` fit into an `i64` on every system.
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self { seconds: after.as_secs() as i64, nanoseconds: after.subsec_nanos() },
            Err(error) => {
                let before = error.duration();
                let seconds = 0_i64.wrapping_sub_unsigned(before.as_secs());
                match before.subsec_nanos() {
                    0 => Self { seconds, nanoseconds: 0 },
                    part => Self { seconds: seconds - 1, nanoseconds: NANOSECONDS_PER_SECOND - part },
                }
            }
        }
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = TimestampOutOfRange;

    fn try_from(timestamp: Timestamp) -> Result<Self, TimestampOutOfRange> {
        let seconds = Duration::from_secs(timestamp.seconds.unsigned_abs());
        let whole =
            if timestamp.seconds < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
        let part = Duration::from_nanos(timestamp.nanoseconds.into());
        whole.and_then(|whole| whole.checked_add(part)).ok_or(TimestampOutOfRange { timestamp })
    }
}

/// An error: the system's [`SystemTime`] cannot represent the timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOutOfRange {
    timestamp: Timestamp,
}

impl fmt::Display for TimestampOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is out of the range of the system's time", self.timestamp)
    }
}

impl std::error::Error for TimestampOutOfRange {}

impl fmt::Display for Timestamp {
    /// Formats the time as in RFC 3339, in UTC and with as many decimals as needed. A year before 0
    /// or after 9999 gets a sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.seconds.div_euclid(SECONDS_PER_DAY));
        let second = self.seconds.rem_euclid(SECONDS_PER_DAY);
        if (0..=9_999).contains(&year) {
            write!(f, "{year:04}")?;
        } else {
            write!(f, "{year:+05}")?;
        }
        write!(f, "-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)?;
        if self.nanoseconds > 0 {
            let decimals = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", decimals.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Returns the year, month and day of a day, counted from 1970-01-01.
fn date(day: i64) -> (i64, i64, i64) {
    // The days of 400 years repeat. Years start in March here, so that a leap day is the last.
    let day = day + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (400 * era + year + next_year, month, day_of_month)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_data(|data| ext::serialize(Self::KIND, data, serializer))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ext = Ext::deserialize(deserializer)?;
        Self::from_ext(&ext).ok_or_else(|| D::Error::custom(format_args!("not a timestamp: {ext}")))
    }
}
