//! A pool of buffers per thread, for requests and responses. Most are built and sent on one thread,
//! so that they need no allocation.

use std::cell::RefCell;

/// Buffers that a thread keeps. Sixteen, because joined calls are all built before the first is
/// sent.
const MAX_COUNT: usize = 16;

/// Capacity of the largest buffer that is kept, in bytes: the largest request to a Python peer fits
/// with its header.
const MAX_LEN: usize = 1 << 14;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Takes an empty buffer from the pool, or allocates one of 128 bytes.
pub(crate) fn take() -> Vec<u8> {
    let pooled = POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten();
    pooled.unwrap_or_else(|| Vec::with_capacity(128))
}

/// Returns a buffer to the pool of this thread. Frees it if it is too large or the pool is full.
pub(crate) fn give(mut buffer: Vec<u8>) {
    if buffer.capacity() == 0 || buffer.capacity() > MAX_LEN {
        return;
    }
    buffer.clear();
    // A thread that is ending has no pool any more, and the buffer is freed.
    let _ = POOL.try_with(|pool| {
        let mut pool = pool.borrow_mut();
        if pool.len() < MAX_COUNT {
            pool.push(buffer);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_buffer_is_reused_and_empty() {
        let mut buffer = take();
        buffer.resize(1_000, 7);
        let memory = buffer.as_ptr();
        give(buffer);
        let again = take();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), memory);
    }

    #[test]
    fn the_pool_is_bounded_in_size_and_count() {
        give(vec![0; MAX_LEN + 1]);
        assert!(take().capacity() <= MAX_LEN);
        (0..2 * MAX_COUNT).for_each(|_| give(vec![0; 10]));
        assert!(POOL.with(|pool| pool.borrow().len()) <= MAX_COUNT);
    }
}
