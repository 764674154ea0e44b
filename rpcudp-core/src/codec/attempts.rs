//! A bound on the attempts to decode a value.
//!
//! serde buffers the value of an untagged enum and tries one variant after the other, with code of
//! its own that no deserializer can stop. If an untagged enum contains itself, the number of
//! attempts may grow exponentially with the depth of the value. Each failed attempt makes an error,
//! so [`count`] counts attempts, and ends the decoding by unwinding when there are too many.

use std::any::{Any, type_name};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Attempts for each byte of input: an untagged enum with 17 variants may have values of one byte.
const PER_BYTE: u32 = 16;

/// Attempts besides those for each byte.
const BASE: u32 = 1_024;

thread_local! {
    /// The attempts that are left to the decoding in progress on this thread.
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The payload of the unwinding. It is no panic: no panic hook runs.
struct TooManyAttempts;

/// Decodes a value from `len` bytes, with a bound on failed attempts.
///
/// # Errors
///
/// The error of `decode`, or `too_many` if it took too many attempts.
pub(super) fn bounded<T, E>(len: usize, too_many: E, decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    if is_one_attempt::<T>() {
        return decode();
    }
    let left = u32::try_from(len).unwrap_or(u32::MAX).saturating_mul(PER_BYTE).saturating_add(BASE);
    let outer = LEFT.replace(Some(left));
    // After unwinding, the partial value is gone, and nothing else was reachable from `decode`.
    let result = catch_unwind(AssertUnwindSafe(decode));
    LEFT.set(outer);
    result.unwrap_or_else(|payload| {
        check(payload);
        Err(too_many)
    })
}

/// Whether `T` is one of the common types without an enum in them, which need no bound. The
/// compiler knows the result.
fn is_one_attempt<T>() -> bool {
    // The name of a user's type includes its path.
    matches!(
        type_name::<T>(),
        "()" | "bool"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "i32"
            | "i64"
            | "f64"
            | "&str"
            | "&[u8]"
            | "alloc::string::String"
            | "alloc::vec::Vec<u8>"
    )
}

/// Returns after an unwinding that [`count`] began. Any other unwinding goes on.
#[cold]
fn check(payload: Box<dyn Any + Send>) {
    if !payload.is::<TooManyAttempts>() {
        resume_unwind(payload);
    }
}

/// Counts a failed attempt.
pub(super) fn count() {
    let Some(left) = LEFT.get() else { return };
    LEFT.set(Some(left.saturating_sub(1)));
    // A program that aborts on panics cannot end the decoding.
    if left == 0 && cfg!(panic = "unwind") && !std::thread::panicking() {
        resume_unwind(Box::new(TooManyAttempts));
    }
}
