//! Somebody who installs and uninstalls all the while, and is killed at it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::PoisonError;

use anyhow::{Result, ensure};
use session_bridge_core::host::FakeHost;
use session_bridge_core::plan::{EditOp, Format};
use session_bridge_core::provider::Scope;
use session_bridge_providers::PROVIDERS;

use super::world::World;
use crate::install::{Tree, tree, want};
use crate::launch::Pace;
use crate::random::Random;

/// The configuration of every CLI, as it was and as it is with the bridge in it.
pub(super) struct Installer {
    old: Tree,
    new: Tree,
}

impl Installer {
    /// Gives each CLI a program and some configuration, and sees once what an installation that nobody disturbs makes of it.
    pub(super) fn prepare(world: &World) -> Result<Self> {
        fs::create_dir_all(world.root.join("bin"))?;
        let home = world.root.join("home");
        fs::create_dir_all(&home)?;
        for provider in PROVIDERS {
            let card = provider.card();
            for binary in card.binaries {
                let path = world.root.join("bin").join(binary);
                let version = card.verified.first().map_or("1.0.0", |verified| verified.version);
                fs::write(&path, format!("#!/bin/sh\necho {binary} {version}\n"))?;
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            }
            let site = provider.locate(&FakeHost::at(&home), &Scope::User)?;
            for edit in provider.plan(&site, &want(world.home().root())).edits {
                let text = match edit.file.format {
                    // A file that is ours as a whole is not there before.
                    _ if matches!(edit.op, EditOp::File { .. }) => continue,
                    Format::Toml => "note = 'mine' # kept\r\n",
                    Format::Text => "mine\n",
                    _ => "{\t\"note\" : [1,\n2 ]}",
                };
                if let Some(folder) = edit.file.path.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(edit.file.path, text)?;
            }
        }
        let old = tree(&home)?;
        for word in ["init", "uninstall", "init"] {
            let ended = world.run(&world.programs.main, &[word, "--all", "--json"]).carry_out()?;
            ensure!(ended.success, "{word} fails although nobody disturbs it: {}", ended.output);
            ensure!(word == "init" || tree(&home)? == old, "uninstall leaves something");
        }
        let new = tree(&home)?;
        ensure!(new != old, "init does nothing");
        Ok(Self { old, new })
    }

    /// Until the round is over.
    pub(super) fn work(&self, world: &World, seed: u64) -> Result<()> {
        let (mut random, mut pace) = (Random::new(seed, 300), Pace::default());
        while !world.is_over() {
            let word = *random.pick(&["init", "uninstall"]);
            let mut run = world.run(&world.programs.main, &[word, "--all", "--json"]);
            run.kill_after = pace.kill_after(word, &mut random);
            let gate = world.gate.read().unwrap_or_else(PoisonError::into_inner);
            let ended = run.carry_out()?;
            self.check(world, word)?;
            drop(gate);
            pace.learn(word, &ended);
            world.note(&run, &ended);
        }
        Ok(())
    }

    /// Each file is old or new, whole, and there if it was.
    pub(super) fn check(&self, world: &World, after: &str) -> Result<()> {
        let now = tree(&world.root.join("home"))?;
        for (path, bytes) in &now {
            let unfinished = path.extension().is_some_and(|extension| extension == "tmp");
            if !unfinished && self.old.get(path) != Some(bytes) && self.new.get(path) != Some(bytes) {
                world.find(format!("{} is neither old nor new after {after}", path.display()));
            }
        }
        for path in self.old.keys().filter(|path| !now.contains_key(*path)) {
            world.find(format!("{} is gone after {after}", path.display()));
        }
        Ok(())
    }

    /// Nobody disturbs the last one: everything is as it was, byte for byte.
    pub(super) fn finish(&self, world: &World) -> Result<()> {
        let ended = world.run(&world.programs.main, &["uninstall", "--all", "--json"]).carry_out()?;
        if !ended.success {
            world.find(format!("the last uninstall failed: {}", ended.output));
        }
        let now = tree(&world.root.join("home"))?;
        for path in now.keys().chain(self.old.keys()) {
            if now.get(path) != self.old.get(path) {
                world.find(format!("{} is not what it was after the last uninstall", path.display()));
            }
        }
        Ok(())
    }
}
