//! The list of every provider.
