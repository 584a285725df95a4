//! The limits of `product.md`, each a setting of its own: `limits` in `settings.json`. `docs/settings.md` is made from
//! the table here.

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Every limit. What a file does not name keeps its default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest body, in bytes.
    pub body_bytes: usize,
    /// How long a message to everybody lives, in seconds.
    pub broadcast_lifetime_s: u32,
    /// How long a session without a sign of life counts as there, in seconds.
    pub offline_after_s: u32,
    /// How long an ask waits, in seconds.
    pub ask_timeout_s: u32,
    /// How often agents pass a chain on before it stops starting turns.
    pub hops: u32,
    /// Nudges in a minute, for the sessions of a room that share a role.
    pub wakes_per_minute: u32,
    /// From one nudge of a session to its next, in seconds.
    pub wake_cooldown_s: u32,
    /// After how much quiet a chain is over, in seconds.
    pub quiet_reset_s: u32,
    /// How long read mail is kept after its last change, in days; 0 keeps it for ever.
    pub retention_days: u32,
    /// After how much quiet a server clears away what is no longer kept, in seconds.
    pub collect_idle_s: u32,
    /// Roles whose sessions are never woken.
    pub quiet_roles: Vec<Name>,
}

/// A value that a limit cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limits.{0} is {1}; it can be {2} to {3}")]
pub struct OutOfRange(&'static str, u64, u64, u64);

/// One row of the page: key, default as JSON, and what it limits.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key below `limits`.
    pub key: &'static str,
    /// The smallest and the largest value; none for a list.
    pub range: Option<(u64, u64)>,
    /// What it limits, in a sentence or two.
    pub meaning: &'static str,
}

const fn number(key: &'static str, range: (u64, u64), meaning: &'static str) -> Setting {
    Setting { key, range: Some(range), meaning }
}

const DAY: u64 = 24 * 60 * 60;

/// The table, in the order of the page.
pub const TABLE: &[Setting] = &[
    number("body_bytes", (1, 1 << 20), "Largest body of a message, in bytes. Files go as a path."),
    number(
        "broadcast_lifetime_s",
        (1, 365 * DAY),
        "How long a message to everybody waits to be read, in seconds, unless it says otherwise.",
    ),
    number(
        "offline_after_s",
        (1, 365 * DAY),
        "A session is listed as offline after so many seconds without a sign of life, if none of its servers lives.",
    ),
    number(
        "ask_timeout_s",
        (1, DAY),
        "How long an ask waits for its answer, in seconds, unless it says otherwise. The tools wait 280 s at most.",
    ),
    number(
        "hops",
        (1, 100),
        "How often agents may pass a chain of messages on, replies or new ones, before it starts no more turns. A prompt of a person begins a new chain.",
    ),
    number(
        "wakes_per_minute",
        (1, 60),
        "How often in a minute the sessions of a room that share a role are woken, all together. A session without roles counts alone. Further wakes are put off, not lost.",
    ),
    number(
        "wake_cooldown_s",
        (0, 600),
        "From one wake of a session to its next, in seconds. A wake that comes earlier is put off.",
    ),
    number(
        "quiet_reset_s",
        (1, DAY),
        "A chain is over after so many seconds without a message of its thread, while none of its sessions is in a turn.",
    ),
    number(
        "retention_days",
        (0, 36_500),
        "How many days threads are kept after their last change, once nothing in them is unread or an open question. Sessions that ended as long ago go with them. 0 keeps everything for ever.",
    ),
    number(
        "collect_idle_s",
        (1, DAY),
        "After so many seconds without a call, one of the MCP servers clears away what is not kept any longer: once a day for all of them, in small pieces.",
    ),
    Setting {
        key: "quiet_roles",
        range: None,
        meaning: "Sessions with one of these roles are never woken, and their turns are not made to go on. Mail comes with their next prompt or tool call. To opt in, write the list without the role.",
    },
];

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1024,
            broadcast_lifetime_s: 60 * 60,
            offline_after_s: 10 * 60,
            ask_timeout_s: 90,
            hops: 6,
            wakes_per_minute: 12,
            wake_cooldown_s: 8,
            quiet_reset_s: 45,
            retention_days: 30,
            collect_idle_s: 120,
            quiet_roles: ["infra", "qa"].iter().filter_map(|role| role.parse().ok()).collect(),
        }
    }
}

impl Limits {
    /// Whether every number is in its range.
    pub fn check(&self) -> Result<(), OutOfRange> {
        for Setting { key, range, .. } in TABLE {
            if let (Some((least, most)), Some(value)) = (*range, self.value(key))
                && !(least..=most).contains(&value)
            {
                return Err(OutOfRange(key, value, least, most));
            }
        }
        Ok(())
    }

    /// A number by its key.
    fn value(&self, key: &str) -> Option<u64> {
        Some(match key {
            "body_bytes" => u64::try_from(self.body_bytes).unwrap_or(u64::MAX),
            "broadcast_lifetime_s" => self.broadcast_lifetime_s.into(),
            "offline_after_s" => self.offline_after_s.into(),
            "ask_timeout_s" => self.ask_timeout_s.into(),
            "hops" => self.hops.into(),
            "wakes_per_minute" => self.wakes_per_minute.into(),
            "wake_cooldown_s" => self.wake_cooldown_s.into(),
            "quiet_reset_s" => self.quiet_reset_s.into(),
            "retention_days" => self.retention_days.into(),
            "collect_idle_s" => self.collect_idle_s.into(),
            _ => return None,
        })
    }

    /// How long a message to everybody lives, in milliseconds.
    pub fn broadcast_lifetime_ms(&self) -> i64 {
        i64::from(self.broadcast_lifetime_s) * 1000
    }

    /// How long read mail is kept, in milliseconds; `None` is for ever.
    pub fn retention_ms(&self) -> Option<i64> {
        (self.retention_days > 0).then(|| i64::from(self.retention_days) * 86_400_000)
    }

    /// The first of these roles that is never woken.
    pub fn quiet_role<'a>(&self, roles: &'a [String]) -> Option<&'a str> {
        roles.iter().map(String::as_str).find(|role| self.quiet_roles.iter().any(|quiet| quiet.same_as(role)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn the_table_has_every_limit_and_no_other() {
        let all = serde_json::to_value(Limits::default()).unwrap();
        let keys: Vec<_> = all.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, TABLE.iter().map(|setting| setting.key).collect::<Vec<_>>());
        for setting in TABLE {
            assert_eq!(setting.range.is_some(), all[setting.key].is_u64(), "{}", setting.key);
            assert_eq!(Limits::default().value(setting.key), all[setting.key].as_u64());
        }
        assert_eq!(serde_json::from_value::<Limits>(all).unwrap(), Limits::default());
    }

    #[test]
    fn what_is_not_named_keeps_its_default() {
        let some = br#"{"limits": {"hops": 3, "quiet_roles": ["QA"]}, "providers": {}}"#;
        let limits = Settings::parse(some).unwrap().limits;
        assert_eq!((limits.hops, limits.body_bytes), (3, 65_536));
        let roles = |role: &str| vec!["backend".to_owned(), role.to_owned()];
        assert_eq!(limits.quiet_role(&roles("qa")), Some("qa"));
        assert_eq!(limits.quiet_role(&roles("infra")), None, "the list says all");
    }

    #[test]
    fn a_value_out_of_range_is_a_damaged_file() {
        for (bad, why) in [
            (r#"{"limits": {"hops": 0}}"#, "limits.hops is 0; it can be 1 to 100"),
            (r#"{"limits": {"wakes_per_minute": 61}}"#, "limits.wakes_per_minute is 61; it can be 1 to 60"),
            (r#"{"limits": {"body_bytes": "much"}}"#, "invalid type"),
            (r#"{"limits": {"quiet_roles": ["a/b"]}}"#, "'/' is not allowed"),
        ] {
            let error = Settings::parse(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!(Settings::parse_or_default(bad.as_bytes()), Settings::default());
        }
    }
}
