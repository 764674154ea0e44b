//! The tests that `docs/cookbook.md` shows.

mod handlers;
mod mocks;
