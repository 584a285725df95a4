//! Waiting without guessing how long something takes.

use std::time::{Duration, Instant};

use crate::DriverError;

/// Looks every few milliseconds until `look` finds something.
///
/// # Errors
/// [`DriverError::Timeout`] with `what` after `limit`. The state of the world is added by the suite's report.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T, DriverError> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            return Err(DriverError::Timeout { what: what.to_owned(), limit, state: String::new() });
        }
        std::thread::sleep(Duration::from_millis(25));
    }
}
