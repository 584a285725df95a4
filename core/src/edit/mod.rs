//! Pure editors: bytes in, bytes out.

mod error;

pub use error::ConfigError;
