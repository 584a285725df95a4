//! What a provider is, and what is true on disk.
