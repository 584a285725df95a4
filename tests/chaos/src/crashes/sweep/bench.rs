//! A home that is put back to where it was before each fault.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;
use session_bridge_core::id::{MessageId, SessionId};

use super::operation::{Operation, Told};
use crate::crashes::audit;
use crate::crashes::installs::Installer;
use crate::crashes::readers::Reader;
use crate::crashes::round::sender;
use crate::crashes::world::{Acknowledged, Shown, World, lock};
use crate::crashes::writers::mark;
use crate::programs::Programs;
use crate::script::Scene;

/// The turn in which everything happens.
pub(super) const TURN: &str = "01a1fe22-3c54-7db2-91d8-000000000000";

/// An operation, the home before it, and who is in it.
pub(super) struct Bench {
    pub(super) operation: Operation,
    pub(super) world: World,
    pub(super) reader: Reader,
    pub(super) session: SessionId,
    pub(super) sender: SessionId,
    /// Where it is about the files of the CLIs.
    pub(super) installer: Option<Installer>,
    /// The first message of the home, which the reader has or waits for.
    pub(super) first: MessageId,
    /// Numbers the bodies.
    pub(super) bodies: u64,
    programs: Programs,
    root: PathBuf,
    /// The copy of the home.
    kept: PathBuf,
    acknowledged: Vec<Acknowledged>,
    shown: Vec<Shown>,
}

impl Bench {
    pub(super) fn prepare(
        operation: Operation,
        programs: &Programs,
        folder: &Path,
        seed: u64,
        number: u64,
    ) -> Result<Self> {
        let (root, kept) = (folder.join("world"), folder.join("kept"));
        fs::create_dir_all(&root)?;
        let world = World::new(&root, programs.clone());
        let about_files = operation.installs() || operation.uninstalls();
        let installer = about_files.then(|| Installer::prepare(&world)).transpose()?;
        let sender = sender(&world)?;
        let mut reader = Reader::start(&world, None, 0, seed, number)?;
        let mut store = world.store()?;
        reader.look_up(&mut store)?;
        drop(store);
        let session = reader.session.ok_or_else(|| anyhow::anyhow!("a session's start registers it"))?;
        let mut bench = Self {
            operation,
            world,
            reader,
            session,
            sender,
            installer,
            first: MessageId::generate(),
            bodies: 0,
            programs: programs.clone(),
            root,
            kept,
            acknowledged: Vec::new(),
            shown: Vec::new(),
        };
        // It is installed so far.
        if operation.installs() {
            bench.command(&["uninstall", "--all", "--json"])?;
        }
        // What the beginning has to say is said.
        anyhow::ensure!(bench.reader.rest(&bench.world)?, "the reader does not come to rest");
        bench.send()?;
        bench.first = lock(&bench.world.acknowledged).last().map_or(bench.first, |message| message.id);
        if operation.follows_a_delivery() {
            bench.reader.hook(&bench.world, Scene::Prompt, TURN, false)?;
        }
        bench.acknowledged.clone_from(&lock(&bench.world.acknowledged));
        bench.shown.clone_from(&lock(&bench.world.shown));
        anyhow::ensure!(lock(&bench.world.findings).is_empty(), "it is not well without any fault");
        copy(&bench.root, &bench.kept)?;
        Ok(bench)
    }

    /// Everything as it was before the operation.
    pub(super) fn renew(&mut self) -> Result<()> {
        // A program that rings a door may outlive the one that started it, and write meanwhile.
        while let Err(error) = fs::remove_dir_all(&self.root) {
            anyhow::ensure!(error.kind() == ErrorKind::DirectoryNotEmpty, "{}: {error}", self.root.display());
        }
        copy(&self.kept, &self.root)?;
        self.world = World::new(&self.root, self.programs.clone());
        lock(&self.world.acknowledged).clone_from(&self.acknowledged);
        lock(&self.world.shown).clone_from(&self.shown);
        Ok(())
    }

    /// A body that nobody sent yet.
    pub(super) fn body(&mut self) -> String {
        self.bodies += 1;
        format!("{}\nsome text", mark(0, self.bodies))
    }

    /// The operation once; with others at the store, if it is to be so.
    pub(super) fn run(&mut self) -> Result<Told> {
        let beside = self.operation.has_company().then(|| self.world.store()).transpose()?;
        let told = self.operation.run(self)?;
        drop(beside);
        Ok(told)
    }

    /// After a fault: what must hold at once, that the same goes through now, and what must hold in the end.
    pub(super) fn account_for(&mut self) -> Result<()> {
        audit::in_silence(&self.world)?;
        if let Some(installer) = &self.installer {
            installer.check(&self.world, "the fault")?;
        }
        let again = self.operation.run(self)?;
        if again != Told::Done {
            self.world.find(format!("without a fault it still is not done: {again:?}"));
        }
        if !self.reader.rest(&self.world)? {
            self.world.find("the reader never comes to rest".to_owned());
        }
        audit::in_the_end(&self.world, &[self.session])?;
        if let Some(installer) = &self.installer {
            installer.finish(&self.world)?;
        }
        Ok(())
    }
}

/// A folder with everything in it, links as links.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
