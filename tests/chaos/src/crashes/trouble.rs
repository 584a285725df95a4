//! What else goes wrong in a round, beside the kills.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::fault::Faults;
use super::world::{World, lock};
use crate::random::Random;

/// The kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Kills alone.
    None,
    /// The disk is full again and again.
    Full,
    /// The disk is made read-only while programs have files of it open, again and again.
    ReadOnly,
    /// The database is deleted while programs have it open.
    Deleted,
    /// The database is overwritten while programs have it open, and repaired with `doctor --fix`.
    Damaged,
    /// System calls of every other program fail now and again.
    Faulty,
}

impl Trouble {
    /// The trouble of a round: of ten rounds, five have kills alone.
    pub fn of_round(round: u64) -> Self {
        match round % 10 {
            1 => Self::Full,
            3 => Self::ReadOnly,
            5 => Self::Deleted,
            7 => Self::Damaged,
            9 => Self::Faulty,
            _ => Self::None,
        }
    }

    /// Whether the round is played on a disk of its own.
    pub(super) fn needs_a_disk(self) -> bool {
        matches!(self, Self::Full | Self::ReadOnly)
    }

    /// Makes trouble until the round is over; how often.
    pub(super) fn make(self, world: &World, seed: u64) -> Result<u64> {
        let mut random = Random::new(seed, 400);
        let mut times = 0;
        while !world.is_over() && self != Self::None {
            // A fault has to last a while and to leave one: this is the fault, not a wait for a condition.
            let mut pause = || std::thread::sleep(Duration::from_millis(50 + random.below(400) as u64));
            pause();
            let trouble = lock(&world.calm);
            match self {
                Self::None => {}
                Self::Full => {
                    fill(world);
                    pause();
                    fs::remove_file(world.root.join(".fill"))?;
                }
                Self::ReadOnly => {
                    make_read_only(&world.root)?;
                    pause();
                    make_writable(&world.root)?;
                }
                Self::Faulty => {
                    *lock(&world.faults) = Faults::Chance(Random::new(seed + times, 402));
                    pause();
                    *lock(&world.faults) = Faults::None;
                }
                // Once or twice: what is gone is gone.
                Self::Deleted | Self::Damaged if times == 2 => return Ok(times),
                // Programs go on meanwhile. Whatever they acknowledge from here on has to be there in the end.
                Self::Deleted => {
                    delete(world)?;
                    pause();
                    repair(world)?;
                }
                Self::Damaged => {
                    damage(world, seed + times)?;
                    pause();
                    repair(world)?;
                    *lock(&world.lost_before) = Some(Instant::now());
                }
            }
            times += 1;
            drop(trouble);
            if matches!(self, Self::Deleted | Self::Damaged) {
                for _ in 0..8 {
                    pause();
                }
            }
        }
        Ok(times)
    }
}

/// Writes until nothing fits any more.
fn fill(world: &World) {
    let Ok(mut file) = OpenOptions::new().create(true).append(true).open(world.root.join(".fill")) else {
        return;
    };
    for size in [64 * 1024, 4096, 512] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Makes the disk read-only for everything that is opened from here on. Linux refuses that while anything on it is open for writing,
/// so a read-only view of it is put over it, at once. What is open already goes on to write.
pub(super) fn make_read_only(root: &Path) -> Result<()> {
    let view = root.with_extension("view");
    fs::create_dir_all(&view)?;
    mount(&["--bind".as_ref(), root, &view])?;
    mount(&["-o".as_ref(), "remount,bind,ro".as_ref(), &view])?;
    mount(&["--move".as_ref(), &view, root])?;
    Ok(fs::remove_dir(view)?)
}

/// Ends that.
pub(super) fn make_writable(root: &Path) -> Result<()> {
    let ended = Command::new("umount").arg("--lazy").arg(root).output()?;
    ensure!(ended.status.success(), "the disk stays as it is: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

fn mount(words: &[&Path]) -> Result<()> {
    let ended = Command::new("mount").args(words).output()?;
    ensure!(ended.status.success(), "mount {words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    Ok(())
}

fn database(world: &World) -> Result<std::path::PathBuf> {
    Ok(world.store()?.path().to_owned())
}

fn delete(world: &World) -> Result<()> {
    let path = database(world)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        let _ = fs::remove_file(name);
    }
    *lock(&world.lost_before) = Some(Instant::now());
    Ok(())
}

/// Overwrites pages in the middle.
fn damage(world: &World, seed: u64) -> Result<()> {
    let mut random = Random::new(seed, 401);
    let file = OpenOptions::new().write(true).open(database(world)?)?;
    let pages = usize::try_from(file.metadata()?.len() / 4096)?;
    for _ in 0..=pages / 3 {
        let page = 1 + random.below(pages);
        file.write_at(&[0xa5; 4096], page as u64 * 4096)?;
    }
    Ok(())
}

/// As a person would, until it says that the store is well.
pub(super) fn repair(world: &World) -> Result<()> {
    let doctor = world.run(&world.programs.main, &["doctor", "--fix", "--json"]);
    doctor.carry_out()?;
    Ok(())
}
