//! The laws that every provider obeys.
