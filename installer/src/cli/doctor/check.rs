//! One thing that was looked at.

use serde::Serialize;

use crate::report::Failure;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing is wrong.
    Note,
    /// Works in part, or waits for the person.
    Warn,
    /// Does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// `bridge`, `repair`, or a provider.
    pub(super) group: String,
    /// What was looked at; stable.
    pub(super) id: String,
    pub(super) level: Level,
    pub(super) summary: String,
    /// More about it, in lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ms: Option<u64>,
}

impl Check {
    fn new(group: &str, id: &str, level: Level, summary: impl Into<String>) -> Self {
        Self {
            group: group.to_owned(),
            id: id.to_owned(),
            level,
            summary: summary.into(),
            detail: None,
            help: None,
            ms: None,
        }
    }

    pub(super) fn ok(group: &str, id: &str, summary: impl Into<String>) -> Self {
        Self::new(group, id, Level::Ok, summary)
    }

    pub(super) fn note(group: &str, id: &str, summary: impl Into<String>) -> Self {
        Self::new(group, id, Level::Note, summary)
    }

    pub(super) fn warn(group: &str, id: &str, summary: impl Into<String>) -> Self {
        Self::new(group, id, Level::Warn, summary)
    }

    pub(super) fn fail(group: &str, id: &str, summary: impl Into<String>) -> Self {
        Self::new(group, id, Level::Fail, summary)
    }

    /// A failure that kept us from looking.
    pub(super) fn failed(group: &str, id: &str, failure: &Failure) -> Self {
        let mut summary = format!("{} [{}]", failure.message, failure.code);
        for cause in &failure.causes {
            summary.push_str(": ");
            summary.push_str(cause);
        }
        Self::fail(group, id, summary).help(&failure.help)
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into()).filter(|help| !help.is_empty());
        self
    }

    #[must_use]
    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into()).filter(|detail| !detail.is_empty());
        self
    }

    #[must_use]
    pub(super) fn took(mut self, time: std::time::Duration) -> Self {
        self.ms = Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

/// All of them, in the order in which they were looked at.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) all: Vec<Check>,
}

impl Checks {
    pub(super) fn add(&mut self, check: Check) {
        self.all.push(check);
    }

    pub(super) fn is_well(&self) -> bool {
        self.all.iter().all(|check| matches!(check.level, Level::Ok | Level::Note))
    }
}
