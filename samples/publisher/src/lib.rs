//! A sample publisher.
