//! Processes that do nothing, in place of agent CLIs: they live until they are killed, or until the test is gone.

use std::process::{Child, Command, Stdio};

use session_bridge_core::process::{self, ProcessKey};

#[derive(Debug, Default)]
pub struct Hosts(Vec<(ProcessKey, Child)>);

impl Hosts {
    /// The process with this number, started if it is the next.
    pub fn key(&mut self, number: usize) -> ProcessKey {
        while self.0.len() <= number {
            // It ends when its input does.
            let child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            self.0.push((process::look(child.id()).unwrap().key, child));
        }
        self.0[number].0
    }

    pub fn kill(&mut self, number: usize) {
        self.key(number);
        end(&mut self.0[number].1);
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, child)| end(child));
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
