//! The real agent CLIs, driven against the mock model.
