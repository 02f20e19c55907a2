//! The kit that the end-to-end tests use.
