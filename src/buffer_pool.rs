//! Buffers for requests and answers, which each thread keeps: most are made and sent on one thread, and need no memory
//! then.

use std::cell::RefCell;

/// How many a thread keeps: calls that are made before any is sent, as when some are joined.
const MAX_COUNT: usize = 16;

/// What a kept one may hold: the largest request that goes to Python, and its header.
const MAX_LEN: usize = 1 << 14;

thread_local! {
    static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer.
pub(crate) fn take() -> Vec<u8> {
    let kept = KEPT.try_with(|kept| kept.borrow_mut().pop()).ok().flatten();
    kept.unwrap_or_else(|| Vec::with_capacity(128))
}

/// Gives a buffer back.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > MAX_LEN {
        return;
    }
    buffer.clear();
    // A thread that is ending keeps nothing.
    let _ = KEPT.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() < MAX_COUNT {
            kept.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_with_its_memory() {
        let mut buffer = take();
        buffer.resize(1_000, 7);
        let memory = buffer.as_ptr();
        give(buffer);
        let again = take();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), memory);
    }

    #[test]
    fn neither_large_ones_nor_many_are_kept() {
        give(vec![0; MAX_LEN + 1]);
        assert!(take().capacity() <= MAX_LEN);
        (0..2 * MAX_COUNT).for_each(|_| give(vec![0; 10]));
        assert!(KEPT.with(|kept| kept.borrow().len()) <= MAX_COUNT);
    }
}
