//! TOML, by the spans of its parser: the text outside our entries is never written anew, so line ends, comments and
//! the order of tables need no care.

use std::ops::Range;

use serde_json::{Map, Value};
use toml_edit::{Array, Document, InlineTable, Item, Key, Table};

use super::envelope::{line_end, line_start, newline};
use super::seq::{Comments, Layout, Seq, Splices};
use super::{Fault, Seg, Syntax};

/// The syntax.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Toml;

/// What stands at a path.
enum Place<'d> {
    Table(&'d Table),
    Tables,
    Value(&'d toml_edit::Value),
}

fn document(text: &str) -> Result<Document<&str>, Fault> {
    Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Fault::at(text, at, error.message())
    })
}

impl Syntax for Toml {
    fn parse(&self, text: &str) -> Result<Value, Fault> {
        Ok(table_value(document(text)?.as_table()))
    }

    fn insert(&self, text: &str, parent: &[Seg], key: &str, value: &Value) -> Result<String, Fault> {
        let doc = document(text)?;
        match find(doc.as_table(), parent).ok_or(Fault::Lost)? {
            Place::Value(toml_edit::Value::InlineTable(table)) => {
                let seq = inline_seq(table).ok_or(Fault::Lost)?;
                let entry = format!("{} = {}", key_text(key), inline(value)?);
                Ok(seq.push(text, "    ", false, |_: &Layout<'_>| entry))
            }
            Place::Table(table) => {
                let path = keys(parent)?;
                if value.is_object() {
                    let mut path: Vec<&str> = path;
                    path.push(key);
                    append_table(text, path, value)
                } else {
                    insert_line(text, doc.as_table(), table, &path, key, value)
                }
            }
            Place::Value(_) | Place::Tables => Err(Fault::Lost),
        }
    }

    fn push(&self, text: &str, array: &[Seg], value: &Value) -> Result<String, Fault> {
        let doc = document(text)?;
        match find(doc.as_table(), array) {
            Some(Place::Value(toml_edit::Value::Array(array))) => {
                let seq = array_seq(array).ok_or(Fault::Lost)?;
                let entry = inline(value)?;
                Ok(seq.push(text, "    ", false, |_: &Layout<'_>| entry))
            }
            Some(Place::Tables) => {
                Err(Fault::clash(array, "is an array of tables, and only plain arrays can be extended"))
            }
            _ => Err(Fault::Lost),
        }
    }

    fn replace(&self, text: &str, path: &[Seg], value: &Value) -> Result<String, Fault> {
        let doc = document(text)?;
        if let Some(Place::Value(old)) = find(doc.as_table(), path) {
            let mut out = Splices::default();
            out.replace(old.span().ok_or(Fault::Lost)?, &inline(value)?);
            return Ok(out.apply(text));
        }
        let (last, parent) = path.split_last().ok_or(Fault::Lost)?;
        let Seg::Key(key) = last else { return Err(Fault::Lost) };
        self.insert(&self.remove(text, path)?, parent, key, value)
    }

    fn has_root(&self, _: &str) -> bool {
        false
    }

    fn remove(&self, text: &str, path: &[Seg]) -> Result<String, Fault> {
        let doc = document(text)?;
        let root = doc.as_table();
        let (last, parent) = path.split_last().ok_or(Fault::Lost)?;
        match (find(root, parent).ok_or(Fault::Lost)?, last) {
            (Place::Value(toml_edit::Value::InlineTable(table)), Seg::Key(key)) => {
                let doomed = |keys: &[&Key]| keys.first().is_some_and(|first| first.get() == key);
                let index =
                    table.get_values().iter().position(|(keys, _)| doomed(keys)).ok_or(Fault::Lost)?;
                let next = inline_seq(table).ok_or(Fault::Lost)?.remove(text, index);
                // A dotted key can be spread over several entries.
                if table.get_values().iter().filter(|(keys, _)| doomed(keys)).count() > 1 {
                    return self.remove(&next, path);
                }
                Ok(next)
            }
            (Place::Value(toml_edit::Value::Array(array)), Seg::Index(index)) if *index < array.len() => {
                Ok(array_seq(array).ok_or(Fault::Lost)?.remove(text, *index))
            }
            (Place::Table(table), Seg::Key(key)) => {
                let mut out = Splices::default();
                for range in lines_of(text, table.get_key_value(key).ok_or(Fault::Lost)?) {
                    out.replace(range, "");
                }
                Ok(out.apply(text))
            }
            _ => Err(Fault::Lost),
        }
    }
}

fn keys(path: &[Seg]) -> Result<Vec<&str>, Fault> {
    path.iter()
        .map(|seg| match seg {
            Seg::Key(key) => Ok(key.as_str()),
            Seg::Index(_) => Err(Fault::Lost),
        })
        .collect()
}

fn find<'d>(root: &'d Table, path: &[Seg]) -> Option<Place<'d>> {
    path.iter().try_fold(Place::Table(root), |place, seg| match (place, seg) {
        (Place::Table(table), Seg::Key(key)) => match table.get(key)? {
            Item::Table(table) => Some(Place::Table(table)),
            Item::Value(value) => Some(Place::Value(value)),
            Item::ArrayOfTables(_) => Some(Place::Tables),
            Item::None => None,
        },
        (Place::Value(toml_edit::Value::InlineTable(table)), Seg::Key(key)) => {
            table.get(key).map(Place::Value)
        }
        (Place::Value(toml_edit::Value::Array(array)), Seg::Index(index)) => {
            array.get(*index).map(Place::Value)
        }
        _ => None,
    })
}

/// The entries of a table written in one pair of braces. `None` for one that only dotted keys imply.
fn inline_seq(table: &InlineTable) -> Option<Seq> {
    if table.is_dotted() {
        return None;
    }
    let span = table.span()?;
    let entry =
        |(keys, value): &(Vec<&Key>, &toml_edit::Value)| Some(keys.first()?.span()?.start..value.span()?.end);
    let entries = table.get_values().iter().map(entry).collect::<Option<Vec<_>>>()?;
    Some(Seq { inner: span.start + 1..span.end - 1, entries, comments: Comments::Hash })
}

fn array_seq(array: &Array) -> Option<Seq> {
    let span = array.span()?;
    let entries = array.iter().map(toml_edit::Value::span).collect::<Option<Vec<_>>>()?;
    Some(Seq { inner: span.start + 1..span.end - 1, entries, comments: Comments::Hash })
}

/// Writes a table under a header of its own at the end of the text, where it can shift nothing.
fn append_table<'v>(text: &str, mut path: Vec<&'v str>, mut value: &'v Value) -> Result<String, Fault> {
    // Tables that hold nothing but one table need no header.
    while let Value::Object(members) = value {
        match members.iter().next() {
            Some((key, inner)) if members.len() == 1 && inner.is_object() => {
                path.push(key);
                value = inner;
            }
            _ => break,
        }
    }
    let header = path.iter().map(|key| key_text(key)).collect::<Vec<_>>().join(".");
    let mut lines = vec![format!("[{header}]")];
    for (key, value) in value.as_object().into_iter().flatten() {
        lines.push(format!("{} = {}", key_text(key), inline(value)?));
    }
    Ok(append_lines(text, &lines))
}

/// Appends a paragraph. A text without a final newline stays without one.
fn append_lines(text: &str, lines: &[String]) -> String {
    let eol = newline(text);
    let body = lines.join(eol);
    if text.is_empty() {
        format!("{body}{eol}")
    } else if text.ends_with('\n') {
        let gap = if text.trim().is_empty() { "" } else { eol };
        format!("{text}{gap}{body}{eol}")
    } else {
        format!("{text}{eol}{eol}{body}")
    }
}

/// Writes `key = value` into the body of a table that is not written in braces.
fn insert_line(
    text: &str,
    root: &Table,
    table: &Table,
    path: &[&str],
    key: &str,
    value: &Value,
) -> Result<String, Fault> {
    let mut ancestors = vec![root];
    for part in path {
        match ancestors.last().and_then(|table| table.get(part)) {
            Some(Item::Table(next)) => ancestors.push(next),
            _ => return Err(Fault::Lost),
        }
    }
    // A table without a header of its own is extended by a dotted key, where its other dotted keys stand or at the
    // top. Below a header that need not be allowed, because the table may have been implied earlier.
    let depth = ancestors.iter().rposition(|table| !table.is_implicit()).unwrap_or(0);
    let (outer, inner) = path.split_at(if depth == 0 || table.is_dotted() { depth } else { path.len() });
    let name = inner.iter().chain([&key]).map(|key| key_text(key)).collect::<Vec<_>>();
    let line = format!("{} = {}", name.join("."), inline(value)?);
    let home = ancestors[outer.len()];
    if home.is_implicit() {
        let header = outer.iter().map(|key| key_text(key)).collect::<Vec<_>>().join(".");
        return Ok(append_lines(text, &[format!("[{header}]"), line]));
    }
    let header = if outer.is_empty() { None } else { home.span() };
    let last = home.get_values().iter().filter_map(|(_, value)| value.span()).map(|span| span.end).max();
    let eol = newline(text);
    let mut out = Splices::default();
    match last.or(header.map(|span| span.end)) {
        Some(at) => {
            let end = line_end(text, at);
            if text[..end].ends_with('\n') {
                out.insert(end, &format!("{line}{eol}"));
            } else {
                out.insert(end, &format!("{eol}{line}"));
            }
        }
        // A root without keys: before everything, because below a header the line would belong to its table.
        None => out.insert(0, &format!("{line}{eol}")),
    }
    Ok(out.apply(text))
}

/// The whole lines on which an entry of a table stands, headers and the blank line before a header included.
fn lines_of(text: &str, (key, item): (&Key, &Item)) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    match item {
        Item::Value(value) => {
            if let (Some(key), Some(value)) = (key.span(), value.span()) {
                ranges.push(line_start(text, key.start)..line_end(text, value.end));
            }
        }
        Item::Table(table) => table_lines(text, table, &mut ranges),
        Item::ArrayOfTables(tables) => tables.iter().for_each(|table| table_lines(text, table, &mut ranges)),
        Item::None => {}
    }
    ranges.sort_by_key(|range| range.start);
    // At the end of a text without a final newline, the line end before goes instead.
    let mut end = text.len();
    for range in ranges.iter_mut().rev() {
        if range.end != end || text.ends_with('\n') {
            break;
        }
        let kept = &text[..range.start];
        range.start =
            kept.strip_suffix('\n').map_or(kept, |rest| rest.strip_suffix('\r').unwrap_or(rest)).len();
        end = range.start;
    }
    ranges
}

fn table_lines(text: &str, table: &Table, ranges: &mut Vec<Range<usize>>) {
    let mut values = table
        .get_values()
        .into_iter()
        .filter_map(|(keys, value)| Some(keys.first()?.span()?.start..value.span()?.end))
        .collect::<Vec<_>>();
    if !table.is_implicit()
        && !table.is_dotted()
        && let Some(header) = table.span()
    {
        let mut start = line_start(text, header.start);
        if let Some(before) = text[..start].strip_suffix('\n') {
            let blank = line_start(text, before.len());
            if before[blank..].trim().is_empty() {
                start = blank;
            }
        }
        let end = values.iter().map(|span| span.end).max().unwrap_or(header.end).max(header.end);
        ranges.push(start..line_end(text, end));
        values.clear();
    }
    for span in values {
        ranges.push(line_start(text, span.start)..line_end(text, span.end));
    }
    for (_, item) in table {
        match item {
            // The keys of a dotted table came with `get_values`; its own sub-tables did not.
            Item::Table(inner) if inner.is_dotted() => {
                for (_, item) in inner {
                    if let Item::Table(deeper) = item
                        && !deeper.is_dotted()
                    {
                        table_lines(text, deeper, ranges);
                    }
                }
            }
            Item::Table(inner) => table_lines(text, inner, ranges),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|table| table_lines(text, table, ranges)),
            Item::Value(_) | Item::None => {}
        }
    }
}

fn key_text(key: &str) -> String {
    Key::new(key).display_repr().into_owned()
}

fn inline(value: &Value) -> Result<String, Fault> {
    Ok(toml_value(value)?.to_string())
}

fn toml_value(value: &Value) -> Result<toml_edit::Value, Fault> {
    Ok(match value {
        Value::Null => return Err(Fault::Lost),
        Value::Bool(flag) => (*flag).into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.into(),
            (None, Some(float)) => float.into(),
            (None, None) => return Err(Fault::Lost),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(elements) => {
            let mut array = Array::new();
            for element in elements {
                array.push(toml_value(element)?);
            }
            array.into()
        }
        Value::Object(members) => {
            let mut table = InlineTable::new();
            for (key, value) in members {
                table.insert(key, toml_value(value)?);
            }
            table.into()
        }
    })
}

fn table_value(table: &Table) -> Value {
    Value::Object(table.iter().map(|(key, item)| (key.to_owned(), item_value(item))).collect())
}

fn item_value(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => plain_value(value),
        Item::Table(table) => table_value(table),
        Item::ArrayOfTables(tables) => Value::Array(tables.iter().map(table_value).collect()),
    }
}

fn plain_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::String(text.value().clone()),
        toml_edit::Value::Integer(integer) => Value::from(*integer.value()),
        toml_edit::Value::Float(float) => serde_json::Number::from_f64(*float.value())
            .map_or_else(|| Value::String(float.value().to_string()), Value::Number),
        toml_edit::Value::Boolean(flag) => Value::Bool(*flag.value()),
        toml_edit::Value::Datetime(date) => Value::String(date.value().to_string()),
        toml_edit::Value::Array(array) => Value::Array(array.iter().map(plain_value).collect()),
        toml_edit::Value::InlineTable(table) => Value::Object(
            table.iter().map(|(key, value)| (key.to_owned(), plain_value(value))).collect::<Map<_, _>>(),
        ),
    }
}
