//! What an edit means: how it is made, recognised and undone, on any format.

use serde_json::{Map, Value};

use super::draft::{Draft, get, kind};
use super::envelope::Envelope;
use super::recognise::{contains, inner_ours, matching, shared};
use super::text::Block;
use super::{Fault, Seg, file, syntax};
use crate::plan::{Clash, ConfigEdit, EditOp, Format, KeyPath, Match, OnRemove, State};

/// A file's bytes; `None` if there is no file.
pub(crate) type Content = Option<Vec<u8>>;

/// What is to be taken out of one file.
#[derive(Debug, Default, Clone)]
pub(crate) struct Removal<'a> {
    /// Edits that were made.
    pub(crate) edits: Vec<&'a ConfigEdit>,
    /// Keys that the host derived from them: the table, and how the keys begin.
    pub(crate) derived: Vec<(KeyPath, String)>,
    /// The file as it was without us; `None` if nobody knows.
    pub(crate) base: Option<Content>,
}

/// The file with every edit made. `owned` are the edits that the ledger says are ours in this file.
pub(crate) fn ensure(
    content: Option<&[u8]>,
    format: Format,
    edits: &[&ConfigEdit],
    owned: &[ConfigEdit],
) -> Result<Content, Fault> {
    let mut content = content.map(<[u8]>::to_vec);
    for edit in edits {
        let mine = owned.iter().find(|old| old.id == edit.id);
        let bytes = content.as_deref();
        let next = match &edit.op {
            EditOp::File { text } => file::ensure(bytes, text, mine.is_some())?,
            EditOp::Block { open, close, text } => {
                let (envelope, old) = Envelope::open(bytes.unwrap_or_default())?;
                envelope.close(&Block { open, close, text }.ensure(old)?)
            }
            EditOp::Item { .. } | EditOp::Key { .. } => {
                let (envelope, old) = Envelope::open(bytes.unwrap_or_default())?;
                let mut draft = draft(format, old)?;
                ensure_in(&mut draft, &edit.op, mine.map(|old| &old.op))?;
                if draft.text() == old && bytes.is_some() {
                    continue;
                }
                envelope.close(draft.text())
            }
        };
        content = Some(next);
    }
    Ok(content)
}

/// The file without what is ours. Containers go if they end up empty and were not there before us.
pub(crate) fn strip(content: Option<&[u8]>, format: Format, removal: &Removal<'_>) -> Result<Content, Fault> {
    let Some(bytes) = content else { return Ok(None) };
    let mut bytes = bytes.to_vec();
    let base = match &removal.base {
        Some(Some(base)) => syntax(format).and_then(|syntax| syntax.parse(Envelope::open(base).ok()?.1).ok()),
        Some(None) => Some(Value::Object(Map::new())),
        None => None,
    };
    for edit in &removal.edits {
        match &edit.op {
            EditOp::File { text } => match file::strip(&bytes, text) {
                Some(rest) => bytes = rest,
                None => return Ok(None),
            },
            EditOp::Block { open, close, text } => {
                let (envelope, old) = Envelope::open(&bytes)?;
                bytes = envelope.close(&Block { open, close, text }.strip(old)?);
            }
            op @ (EditOp::Item { .. } | EditOp::Key { .. }) => {
                let (envelope, old) = Envelope::open(&bytes)?;
                let Some(mut draft) = owner_draft(format, old)? else { return Ok(Some(bytes)) };
                strip_from(&mut draft, op, base.as_ref(), removal.base.is_none())?;
                bytes = envelope.close(draft.text());
            }
        }
    }
    if !removal.derived.is_empty() {
        let (envelope, old) = Envelope::open(&bytes)?;
        let Some(mut draft) = owner_draft(format, old)? else { return Ok(Some(bytes)) };
        for (under, prefix) in &removal.derived {
            strip_derived(&mut draft, under, prefix, base.as_ref())?;
        }
        bytes = envelope.close(draft.text());
    }
    if let (Some(base), Some(syntax)) = (&removal.base, syntax(format)) {
        let had_root = base
            .as_deref()
            .is_some_and(|base| Envelope::open(base).is_ok_and(|(_, text)| syntax.has_root(text)));
        let (envelope, text) = Envelope::open(&bytes)?;
        if !had_root && syntax.has_root(text) && syntax.parse(text)? == Value::Object(Map::new()) {
            bytes = envelope.close(&syntax.remove(text, &[])?);
        }
    }
    let blank =
        |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').trim().is_empty();
    Ok(if removal.base == Some(None) && blank(&bytes) { None } else { Some(bytes) })
}

/// How an edit stands in a file.
pub(crate) fn state(
    content: Option<&[u8]>,
    edit: &ConfigEdit,
    owned: Option<&ConfigEdit>,
) -> Result<State, Fault> {
    let Some(bytes) = content else { return Ok(State::Absent) };
    match &edit.op {
        EditOp::File { text } if bytes == text.as_bytes() => return Ok(State::Present),
        EditOp::File { text } if owned.is_some() => {
            return Ok(State::Drifted {
                want: text.clone().into_owned(),
                have: String::from_utf8_lossy(bytes).into_owned(),
            });
        }
        EditOp::File { .. } => {
            return Ok(State::Clash { problem: "the file is not one that session-bridge wrote".to_owned() });
        }
        _ => {}
    }
    let (_, text) = Envelope::open(bytes)?;
    let found = match &edit.op {
        EditOp::Block { open, close, text: body } => {
            let block = Block { open, close, text: body };
            let Some(range) = block.find(text)? else { return Ok(State::Absent) };
            let have = text[range].trim_end_matches(['\r', '\n']).replace("\r\n", "\n");
            let want = block.lines("\n");
            return Ok(if have == want { State::Present } else { State::Drifted { want, have } });
        }
        op => {
            let mut draft = draft(edit.file.format, text)?;
            let before = draft.value().clone();
            match ensure_in(&mut draft, op, owned.map(|old| &old.op)) {
                Ok(()) if draft.value() == &before => {
                    // A value that anybody may have written is ours once the ledger says so.
                    let theirs = matches!(op, EditOp::Key { clash: Clash::Shared, .. }) && owned.is_none();
                    return Ok(if theirs { State::Absent } else { State::Present });
                }
                Ok(()) => found(&before, op),
                Err(Fault::Clash { at, problem }) => {
                    return Ok(State::Clash { problem: format!("{at} {problem}") });
                }
                Err(fault) => return Err(fault),
            }
        }
    };
    let (EditOp::Item { value, .. } | EditOp::Key { value, .. }) = &edit.op else { return Ok(State::Absent) };
    Ok(match found {
        Some(have) => State::Drifted { want: format!("{value:#}"), have: format!("{have:#}") },
        None => State::Absent,
    })
}

/// The position of an item of ours in its array.
pub(crate) fn position(content: &[u8], edit: &ConfigEdit) -> Option<usize> {
    let EditOp::Item { at, ours, .. } = &edit.op else { return None };
    let (_, text) = Envelope::open(content).ok()?;
    let value = syntax(edit.file.format)?.parse(text).ok()?;
    matching(get(&value, &segs(at))?, ours).first().copied()
}

/// Whether two edits, one of them perhaps from an older release, are about the same place.
pub(crate) fn same_place(old: &ConfigEdit, new: &ConfigEdit) -> bool {
    let op = match (&old.op, &new.op) {
        (EditOp::Item { at: a, ours: m, .. }, EditOp::Item { at: b, ours: n, .. }) => a == b && m == n,
        (EditOp::Key { at: a, .. }, EditOp::Key { at: b, .. }) => a == b,
        (EditOp::File { .. }, EditOp::File { .. }) => true,
        (EditOp::Block { open: a, close: c, .. }, EditOp::Block { open: b, close: d, .. }) => {
            a == b && c == d
        }
        _ => false,
    };
    op && old.id == new.id && old.file.path == new.file.path
}

fn draft(format: Format, text: &str) -> Result<Draft<'static>, Fault> {
    let syntax = syntax(format).ok_or_else(|| Fault::clash(&[], "is plain text, which has no keys"))?;
    Draft::new(syntax, text)
}

/// A draft to take something out of. A top level that is no object can hold nothing of ours.
fn owner_draft(format: Format, text: &str) -> Result<Option<Draft<'static>>, Fault> {
    match draft(format, text) {
        Err(Fault::Clash { .. }) => Ok(None),
        other => other.map(Some),
    }
}

fn segs(at: &KeyPath) -> Vec<Seg> {
    at.0.iter().cloned().map(Seg::Key).collect()
}

fn ensure_in(draft: &mut Draft<'_>, op: &EditOp, owned: Option<&EditOp>) -> Result<(), Fault> {
    match op {
        EditOp::Key { at, value, clash } => {
            let path = segs(at);
            let Some(have) = get(draft.value(), &path).cloned() else { return draft.insert(&at.0, value) };
            if contains(&have, value) && owned.is_none() {
                return Ok(());
            }
            let before = match owned {
                Some(EditOp::Key { value, .. }) => Some(value),
                _ if *clash == Clash::Replace => None,
                _ => {
                    return Err(Fault::clash(&path, "is there already, with another value that is not ours"));
                }
            };
            merge(draft, &path, &have, value, before)
        }
        EditOp::Item { at, value, ours, .. } => {
            let path = segs(at);
            let array = match get(draft.value(), &path) {
                None => return draft.insert(&at.0, &Value::Array(vec![value.clone()])),
                Some(array) if array.is_array() => array.clone(),
                Some(other) => return Err(Fault::clash(&path, &format!("is {}, not an array", kind(other)))),
            };
            let found = matching(&array, ours);
            for extra in found.iter().skip(1).rev() {
                take_item(draft, &path, *extra, ours, None)?;
            }
            let Some(first) = found.first() else { return draft.push(&path, value) };
            let element = &array[*first];
            if shared(element, ours).is_some() {
                if inner_ours(element, ours) == inner_ours(value, ours) {
                    return Ok(());
                }
                take_item(draft, &path, *first, ours, None)?;
                draft.push(&path, value)
            } else if contains(element, value) {
                Ok(())
            } else {
                draft.replace(&[path, vec![Seg::Index(*first)]].concat(), value)
            }
        }
        EditOp::File { .. } | EditOp::Block { .. } => Ok(()),
    }
}

/// Brings the members that are ours up to date and leaves the others alone.
fn merge(
    draft: &mut Draft<'_>,
    path: &[Seg],
    have: &Value,
    want: &Value,
    before: Option<&Value>,
) -> Result<(), Fault> {
    let (Value::Object(members), Value::Object(wanted)) = (have, want) else {
        return if have == want { Ok(()) } else { draft.replace(path, want) };
    };
    for key in before.and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key) {
        if members.contains_key(key) && !wanted.contains_key(key) {
            draft.remove(&[path, &[Seg::Key(key.clone())]].concat())?;
        }
    }
    for (key, want) in wanted {
        let path = [path, &[Seg::Key(key.clone())]].concat();
        match members.get(key) {
            Some(have) => merge(draft, &path, have, want, before.and_then(|before| before.get(key)))?,
            None => draft.insert(&plain(&path), want)?,
        }
    }
    Ok(())
}

fn plain(path: &[Seg]) -> Vec<String> {
    path.iter()
        .filter_map(|seg| match seg {
            Seg::Key(key) => Some(key.clone()),
            Seg::Index(_) => None,
        })
        .collect()
}

fn strip_from(draft: &mut Draft<'_>, op: &EditOp, base: Option<&Value>, adopting: bool) -> Result<(), Fault> {
    match op {
        EditOp::Key { at, value, clash } => {
            let path = segs(at);
            let Some(have) = get(draft.value(), &path) else { return Ok(()) };
            if adopting && *clash == Clash::Shared {
                return Ok(());
            }
            // A single value that was changed since, and an object that was never ours, are someone else's.
            let ours = if adopting || !value.is_object() { contains(have, value) } else { have.is_object() };
            if !ours {
                return Ok(());
            }
            match base.and_then(|base| get(base, &path)) {
                Some(theirs) if *clash == Clash::Replace => draft.replace(&path, &theirs.clone())?,
                Some(theirs) if theirs == have => {}
                _ => draft.remove(&path)?,
            }
            drop_hollow(draft, &path, base)
        }
        EditOp::Item { at, ours, on_remove, .. } => {
            let path = segs(at);
            let Some(array) = get(draft.value(), &path).cloned() else { return Ok(()) };
            for index in matching(&array, ours).into_iter().rev() {
                let follows = (index + 1..array.as_array().map_or(0, Vec::len))
                    .any(|later| !matching(&array, ours).contains(&later));
                let inert = match on_remove {
                    OnRemove::KeepPosition(inert) if follows => Some(inert),
                    _ => None,
                };
                take_item(draft, &path, index, ours, inert)?;
            }
            drop_hollow(draft, &[path.as_slice(), &[Seg::Index(0)]].concat(), base)
        }
        EditOp::File { .. } | EditOp::Block { .. } => Ok(()),
    }
}

/// Takes our element out, or of an element that others have moved into, only what is ours.
fn take_item(
    draft: &mut Draft<'_>,
    array: &[Seg],
    index: usize,
    ours: &Match,
    inert: Option<&Value>,
) -> Result<(), Fault> {
    let path = [array, &[Seg::Index(index)]].concat();
    let Some(element) = get(draft.value(), &path).cloned() else { return Ok(()) };
    if let Some((inner, indices)) = shared(&element, ours) {
        for index in indices.into_iter().rev() {
            draft.remove(&[path.as_slice(), inner.as_slice(), &[Seg::Index(index)]].concat())?;
        }
        return Ok(());
    }
    match inert {
        Some(inert) => draft.replace(&path, inert),
        None => draft.remove(&path),
    }
}

fn strip_derived(
    draft: &mut Draft<'_>,
    under: &KeyPath,
    prefix: &str,
    base: Option<&Value>,
) -> Result<(), Fault> {
    let path = segs(under);
    let Some(Value::Object(members)) = get(draft.value(), &path).cloned() else { return Ok(()) };
    for key in members.keys().filter(|key| key.starts_with(prefix)) {
        let path = [path.as_slice(), &[Seg::Key(key.clone())]].concat();
        if base.and_then(|base| get(base, &path)).is_none() {
            draft.remove(&path)?;
            drop_hollow(draft, &path, base)?;
        }
    }
    Ok(())
}

/// Drops the containers on the way to `path` that are empty and were not there before us. Without knowledge of what
/// was there, none.
fn drop_hollow(draft: &mut Draft<'_>, path: &[Seg], base: Option<&Value>) -> Result<(), Fault> {
    let Some(base) = base else { return Ok(()) };
    for depth in (1..path.len()).rev() {
        let container = &path[..depth];
        let empty = match get(draft.value(), container) {
            Some(Value::Object(members)) => members.is_empty(),
            Some(Value::Array(elements)) => elements.is_empty(),
            // In TOML a table can go with its last key.
            None => continue,
            Some(_) => false,
        };
        if !empty || get(base, container).is_some() {
            break;
        }
        draft.remove(container)?;
    }
    Ok(())
}

/// What the file holds in the place of ours.
fn found(root: &Value, op: &EditOp) -> Option<Value> {
    match op {
        EditOp::Key { at, .. } => get(root, &segs(at)).cloned(),
        EditOp::Item { at, ours, .. } => {
            let array = get(root, &segs(at))?;
            array.get(*matching(array, ours).first()?).cloned()
        }
        EditOp::File { .. } | EditOp::Block { .. } => None,
    }
}
