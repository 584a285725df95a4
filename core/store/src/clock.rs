//! The two clocks that deadlines go by, replaceable in tests.
//!
//! People and programs set the wall clock, back and forth. The boot clock counts from the start of the machine, through
//! its sleep, and nobody can set it; but it begins anew with each boot. A deadline has passed when both say so, or the
//! wall clock alone where the boot clock cannot be read or another boot has begun (rule R5).

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// SQL: whether the deadline of delivery `d` has passed, by the parameters `:wall`, `:boot` and `:up` of a [`Reading`].
/// False where it has none. This is the only place that decides it.
pub(crate) const PASSED: &str = "(d.expires IS NOT NULL AND d.expires <= :wall
     AND (d.boot IS NULL OR d.boot IS NOT :boot OR d.boot_expires <= :up))";

/// What the clocks say at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Milliseconds since 1970.
    pub wall: i64,
    /// The boot clock; `None` where it cannot be read.
    pub boot: Option<Boot>,
}

/// What the boot clock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// The kernel's id of this boot.
    pub id: String,
    /// Milliseconds since the boot, those asleep included.
    pub up: i64,
}

impl Reading {
    /// For [`PASSED`].
    pub(crate) fn boot_id(&self) -> Option<&str> {
        self.boot.as_ref().map(|boot| boot.id.as_str())
    }

    /// For [`PASSED`].
    pub(crate) fn up(&self) -> Option<i64> {
        self.boot.as_ref().map(|boot| boot.up)
    }
}

/// Where the store gets the time from.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<Reading>>>);

impl Clock {
    /// The system's clocks.
    pub fn system() -> Self {
        Self(None)
    }

    /// Clocks that stand still until they are moved. The methods that move them leave the system's alone.
    pub fn fixed(at_ms: i64) -> Self {
        let boot = Boot { id: "boot 1".to_owned(), up: 0 };
        Self(Some(Arc::new(Mutex::new(Reading { wall: at_ms, boot: Some(boot) }))))
    }

    /// Time passes, in milliseconds: both clocks go on.
    pub fn advance(&self, by_ms: i64) {
        self.change(|reading| {
            reading.wall += by_ms;
            if let Some(boot) = &mut reading.boot {
                boot.up += by_ms;
            }
        });
    }

    /// Somebody sets the wall clock, by so many milliseconds.
    pub fn set_by(&self, by_ms: i64) {
        self.change(|reading| reading.wall += by_ms);
    }

    /// The machine starts again, so many milliseconds later.
    pub fn reboot(&self, after_ms: i64) {
        self.change(|reading| {
            reading.wall += after_ms;
            if let Some(boot) = &mut reading.boot {
                *boot = Boot { id: format!("{}+", boot.id), up: 0 };
            }
        });
    }

    /// The boot clock cannot be read any more.
    pub fn lose_boot_clock(&self) {
        self.change(|reading| reading.boot = None);
    }

    fn change(&self, change: impl FnOnce(&mut Reading)) {
        if let Some(fixed) = &self.0 {
            change(&mut fixed.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Some(fixed) => fixed.lock().unwrap_or_else(PoisonError::into_inner).wall,
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// What both clocks say.
    pub fn read(&self) -> Reading {
        match &self.0 {
            Some(fixed) => fixed.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            None => Reading { wall: self.now(), boot: boot() },
        }
    }
}

/// The system's boot clock. Its id does not change while a process lives.
#[cfg(target_os = "linux")]
fn boot() -> Option<Boot> {
    static ID: OnceLock<Option<String>> = OnceLock::new();
    let id = ID.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    });
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let up = since.tv_sec.checked_mul(1000)?.checked_add(since.tv_nsec / 1_000_000)?;
    Some(Boot { id: id.clone()?, up })
}

/// Elsewhere nothing that may be called without `unsafe` tells one boot from the next.
#[cfg(not(target_os = "linux"))]
fn boot() -> Option<Boot> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_has_a_boot_clock_that_goes_on() {
        let clock = Clock::system();
        let (first, second) = (clock.read().boot.unwrap(), clock.read().boot.unwrap());
        assert!(first.id == second.id && first.up > 0 && first.up <= second.up, "{first:?} {second:?}");
    }

    #[test]
    fn setting_the_wall_clock_leaves_the_other_alone() {
        let clock = Clock::fixed(1_000);
        clock.set_by(-400);
        clock.advance(5);
        assert_eq!(clock.read(), Reading { wall: 605, boot: Some(Boot { id: "boot 1".into(), up: 5 }) });
        clock.reboot(10);
        assert_eq!(clock.read(), Reading { wall: 615, boot: Some(Boot { id: "boot 1+".into(), up: 0 }) });
    }
}
