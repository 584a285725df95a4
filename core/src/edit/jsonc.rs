//! JSON, with or without comments.

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::{Map, Number, Value};

use super::envelope::{indent_at, line_start, newline};
use super::seq::{Comments, Layout, Seq, Splices};
use super::{Fault, Seg, Syntax};

/// The syntax: strict JSON, and what it may hold besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jsonc {
    pub(crate) comments: bool,
    pub(crate) trailing_commas: bool,
}

impl Jsonc {
    fn ast(self, text: &str) -> Result<Option<ast::Value<'_>>, Fault> {
        let options = ParseOptions {
            allow_comments: self.comments,
            allow_trailing_commas: self.trailing_commas,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        parse_to_ast(text, &CollectOptions::default(), &options)
            .map(|parsed| parsed.value)
            .map_err(|error| Fault::at(text, error.range().start, &error.kind().to_string()))
    }

    /// Runs `edit` on the node at `path`.
    fn on_node(
        self,
        text: &str,
        path: &[Seg],
        edit: impl FnOnce(&ast::Value<'_>, &str) -> Option<String>,
    ) -> Result<String, Fault> {
        let root = self.ast(text)?;
        let node = root.as_ref().and_then(|root| find(root, path)).ok_or(Fault::Lost)?;
        let unit = root.as_ref().map_or("  ", |root| unit(text, root));
        edit(node, unit).ok_or(Fault::Lost)
    }
}

impl Syntax for Jsonc {
    fn parse(&self, text: &str) -> Result<Value, Fault> {
        Ok(self.ast(text)?.as_ref().map_or_else(|| Value::Object(Map::new()), value))
    }

    fn insert(&self, text: &str, parent: &[Seg], key: &str, value: &Value) -> Result<String, Fault> {
        if parent.is_empty() && self.ast(text)?.is_none() {
            // Nothing but white space and comments: the object goes below them.
            let eol = newline(text);
            let gap = if text.is_empty() || text.ends_with('\n') { "" } else { eol };
            return self.insert(&format!("{text}{gap}{{}}{eol}"), parent, key, value);
        }
        let name = Value::from(key).to_string();
        self.on_node(text, parent, |node, unit| {
            let seq = seq(node)?;
            let expand = parent.is_empty() || text.trim().contains('\n');
            Some(seq.push(text, unit, expand, |layout| {
                let gap = if matches!(layout, Layout::Inline) && !text.contains(": ") { "" } else { " " };
                format!("{name}:{gap}{}", render(value, layout, unit, newline(text)))
            }))
        })
    }

    fn push(&self, text: &str, array: &[Seg], value: &Value) -> Result<String, Fault> {
        self.on_node(text, array, |node, unit| {
            let seq = seq(node)?;
            let expand = text.trim().contains('\n');
            Some(seq.push(text, unit, expand, |layout| render(value, layout, unit, newline(text))))
        })
    }

    fn replace(&self, text: &str, path: &[Seg], value: &Value) -> Result<String, Fault> {
        self.on_node(text, path, |node, unit| {
            let range = node.range();
            let indent = indent_at(text, range.start);
            let own_lines = text[range.start..range.end].contains('\n')
                || text[line_start(text, range.start)..range.start].trim().is_empty();
            let layout = if own_lines { Layout::Lines { indent } } else { Layout::Inline };
            let mut out = Splices::default();
            out.replace(range.start..range.end, &render(value, &layout, unit, newline(text)));
            Some(out.apply(text))
        })
    }

    fn has_root(&self, text: &str) -> bool {
        self.ast(text).is_ok_and(|root| root.is_some())
    }

    fn remove(&self, text: &str, path: &[Seg]) -> Result<String, Fault> {
        let Some((last, parent)) = path.split_last() else {
            return self.on_node(text, path, |root, _| {
                let range = root.range();
                let rest = &text[range.end..];
                let eol = ["\r\n", "\n"].into_iter().find(|eol| rest.starts_with(eol)).map_or(0, str::len);
                let mut out = Splices::default();
                out.replace(range.start..range.end + eol, "");
                Some(out.apply(text))
            });
        };
        let mut text = text.to_owned();
        loop {
            let next = self.on_node(&text, parent, |node, _| {
                let index = match (last, node) {
                    (Seg::Index(index), ast::Value::Array(_)) => *index,
                    (Seg::Key(key), ast::Value::Object(object)) => {
                        object.properties.iter().rposition(|member| name(&member.name) == key)?
                    }
                    _ => return None,
                };
                let seq = seq(node)?;
                (index < seq.entries.len()).then(|| seq.remove(&text, index))
            })?;
            // The host takes the last of several equal keys; all of them go.
            let again = matches!(last, Seg::Key(_))
                && self.ast(&next)?.as_ref().and_then(|root| find(root, path)).is_some();
            text = next;
            if !again {
                return Ok(text);
            }
        }
    }
}

fn name<'a>(name: &'a ObjectPropName<'_>) -> &'a str {
    name.as_str()
}

/// The node that a reader of the file would see at `path`: of equal keys the last one counts.
fn find<'n, 'a>(node: &'n ast::Value<'a>, path: &[Seg]) -> Option<&'n ast::Value<'a>> {
    path.iter().try_fold(node, |node, seg| match (seg, node) {
        (Seg::Key(key), ast::Value::Object(object)) => {
            object.properties.iter().rfind(|member| name(&member.name) == key).map(|member| &member.value)
        }
        (Seg::Index(index), ast::Value::Array(array)) => array.elements.get(*index),
        _ => None,
    })
}

fn seq(node: &ast::Value<'_>) -> Option<Seq> {
    let span = node.range();
    let entries = match node {
        ast::Value::Object(object) => {
            object.properties.iter().map(|member| member.range.start..member.range.end).collect()
        }
        ast::Value::Array(array) => array
            .elements
            .iter()
            .map(|element| {
                let range = element.range();
                range.start..range.end
            })
            .collect(),
        _ => return None,
    };
    Some(Seq { inner: span.start + 1..span.end - 1, entries, comments: Comments::Slash })
}

fn value(node: &ast::Value<'_>) -> Value {
    match node {
        ast::Value::StringLit(text) => Value::String(text.value.clone().into_owned()),
        ast::Value::NumberLit(number) => number
            .value
            .parse::<Number>()
            .map_or_else(|_| Value::String(number.value.to_owned()), Value::Number),
        ast::Value::BooleanLit(flag) => Value::Bool(flag.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(array) => Value::Array(array.elements.iter().map(value).collect()),
        ast::Value::Object(object) => Value::Object(
            object
                .properties
                .iter()
                .map(|member| (name(&member.name).to_owned(), value(&member.value)))
                .collect(),
        ),
    }
}

/// One step of indentation, as the members of the root show it.
fn unit<'t>(text: &'t str, root: &ast::Value<'_>) -> &'t str {
    let first = match root {
        ast::Value::Object(object) => object.properties.first().map(|member| member.range.start),
        ast::Value::Array(array) => array.elements.first().map(|element| element.range().start),
        _ => None,
    };
    match first {
        Some(at) if line_start(text, at) > 0 && !indent_at(text, at).is_empty() => indent_at(text, at),
        _ => "  ",
    }
}

fn render(value: &Value, layout: &Layout<'_>, unit: &str, eol: &str) -> String {
    match layout {
        Layout::Inline => value.to_string(),
        Layout::Lines { indent } => pretty(value, unit).replace('\n', &format!("{eol}{indent}")),
    }
}

fn pretty(value: &Value, unit: &str) -> String {
    use serde::Serialize as _;
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&out).into_owned(),
        Err(_) => value.to_string(),
    }
}
