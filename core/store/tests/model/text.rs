//! Reads a text that a hook puts out as a model would: what is a body, what is a line about one.

use session_bridge_core::frame::{GUARD, LATE};
use session_bridge_core::id::MessageId;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    pub bodies: Vec<(MessageId, bool)>,
    pub headers: Vec<MessageId>,
    pub references: Vec<MessageId>,
    pub rest: Vec<MessageId>,
    pub owed: Vec<MessageId>,
    pub introduces: bool,
    pub guard: bool,
    pub parked: usize,
}

/// Which list a line belongs to.
#[derive(Clone, Copy)]
enum List {
    None,
    Headers,
    References,
    Rest,
    Owed,
}

pub fn read(text: &str) -> Read {
    let mut read = Read::default();
    let mut list = List::None;
    for line in text.lines() {
        if line == GUARD {
            read.guard = true;
        } else if line.starts_with("session-bridge: this session is") {
            read.introduces = true;
        } else if line.starts_with("<peer-message-") {
            read.bodies.push((id(line), line.contains(&format!("late=\"{LATE}\""))));
        } else if line.starts_with("Too long for this place") {
            list = List::Headers;
        } else if line.starts_with("These may already stand above") {
            list = List::References;
        } else if line.starts_with("Questions shown earlier") {
            list = List::Owed;
        } else if line.contains("wait and come next") {
            list = List::Rest;
        } else if line.contains(" announced earlier: see ") {
            read.parked = line.split(' ').next().unwrap().parse().unwrap();
        } else if line.starts_with("- id=") {
            match list {
                List::Headers => read.headers.push(id(line)),
                List::References => read.references.push(id(line)),
                List::Rest => read.rest.push(id(line)),
                List::Owed => read.owed.push(id(line)),
                List::None => panic!("a line without a heading: {line}"),
            }
        }
    }
    read
}

fn id(line: &str) -> MessageId {
    line.split("id=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
}
