//! Lengths of time as people type them: `90`, `90s`, `5m`, `1h`, `2d`.

use std::time::Duration;

/// The longest that can be asked for: a year, so that sums of times stay in range.
const MOST_SECONDS: u64 = 366 * 86_400;

/// Parses a length of time; a bare number is seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    match seconds {
        Some(seconds) if factor > 0 && (1..=MOST_SECONDS).contains(&seconds) => {
            Ok(Duration::from_secs(seconds))
        }
        _ => Err("give a length of time such as 90s, 5m, 1h or 2d".to_owned()),
    }
}

/// In the store's unit.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_seconds_minutes_hours_and_days() {
        let parsed = ["90", "90s", "5m", "1h", "2d"].map(|text| parse(text).unwrap().as_secs());
        assert_eq!(parsed, [90, 90, 300, 3_600, 172_800]);
        for bad in ["", "s", "0", "-1", "1.5h", "5 m", "1w", "99999999999999999999d", "400d"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
