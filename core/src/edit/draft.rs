//! A text under change, guarded by a model of itself.

use serde_json::{Map, Value};

use super::{Fault, Seg, Syntax};

/// A structured text together with what it means. Every change is made twice, on the characters and on the parsed
/// value, and refused unless both agree: an editor that would damage a neighbour cannot get past that.
pub(crate) struct Draft<'s> {
    syntax: &'s dyn Syntax,
    text: String,
    value: Value,
}

impl<'s> Draft<'s> {
    pub(crate) fn new(syntax: &'s dyn Syntax, text: &str) -> Result<Self, Fault> {
        let value = syntax.parse(text)?;
        if !value.is_object() {
            return Err(Fault::clash(&[], &format!("is {}, not an object", kind(&value))));
        }
        Ok(Self { syntax, text: text.to_owned(), value })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn value(&self) -> &Value {
        &self.value
    }

    /// Adds a member, with the objects that lead to it. What is there already must be objects.
    pub(crate) fn insert(&mut self, at: &[String], value: &Value) -> Result<(), Fault> {
        let mut known = 0;
        let mut node = &self.value;
        while let Some(next) = at.get(known).and_then(|key| node.get(key)) {
            (node, known) = (next, known + 1);
        }
        let (Some((key, rest)), true) = (at[known..].split_first(), node.is_object()) else {
            let path: Vec<Seg> = at[..known].iter().cloned().map(Seg::Key).collect();
            return Err(Fault::clash(&path, &format!("is {}, not an object", kind(node))));
        };
        let nested = rest
            .iter()
            .rev()
            .fold(value.clone(), |inner, key| Value::Object(Map::from_iter([(key.clone(), inner)])));
        let parent: Vec<Seg> = at[..known].iter().cloned().map(Seg::Key).collect();
        let text = self.syntax.insert(&self.text, &parent, key, &nested)?;
        let mut model = self.value.clone();
        if let Some(Value::Object(members)) = get_mut(&mut model, &parent) {
            members.insert(key.clone(), nested);
        }
        self.accept(text, &model)
    }

    /// Appends an element to an array that is there.
    pub(crate) fn push(&mut self, array: &[Seg], value: &Value) -> Result<(), Fault> {
        let text = self.syntax.push(&self.text, array, value)?;
        let mut model = self.value.clone();
        if let Some(Value::Array(elements)) = get_mut(&mut model, array) {
            elements.push(value.clone());
        }
        self.accept(text, &model)
    }

    /// Puts another value in the place of one that is there.
    pub(crate) fn replace(&mut self, path: &[Seg], value: &Value) -> Result<(), Fault> {
        let text = self.syntax.replace(&self.text, path, value)?;
        let mut model = self.value.clone();
        if let Some(old) = get_mut(&mut model, path) {
            *old = value.clone();
        }
        self.accept(text, &model)
    }

    /// Takes out what is there.
    pub(crate) fn remove(&mut self, path: &[Seg]) -> Result<(), Fault> {
        let text = self.syntax.remove(&self.text, path)?;
        let mut model = self.value.clone();
        if let Some((last, parent)) = path.split_last() {
            match (get_mut(&mut model, parent), last) {
                (Some(Value::Object(members)), Seg::Key(key)) => {
                    members.shift_remove(key);
                }
                (Some(Value::Array(elements)), Seg::Index(index)) if *index < elements.len() => {
                    elements.remove(*index);
                }
                _ => return Err(Fault::Lost),
            }
        }
        self.accept(text, &model)
    }

    fn accept(&mut self, text: String, model: &Value) -> Result<(), Fault> {
        match self.syntax.parse(&text) {
            Ok(value) if agree(&value, model) => {
                (self.text, self.value) = (text, value);
                Ok(())
            }
            _ => Err(Fault::Lost),
        }
    }
}

/// Equality that lets TOML forget a table which existed only through the key that was taken out of it.
fn agree(parsed: &Value, model: &Value) -> bool {
    match (parsed, model) {
        (Value::Object(parsed), Value::Object(model)) => {
            parsed.keys().all(|key| model.contains_key(key))
                && model.iter().all(|(key, want)| match parsed.get(key) {
                    Some(have) => agree(have, want),
                    None => hollow(want),
                })
        }
        (Value::Array(parsed), Value::Array(model)) => {
            parsed.len() == model.len() && parsed.iter().zip(model).all(|(have, want)| agree(have, want))
        }
        _ => parsed == model,
    }
}

/// Objects inside objects and no value anywhere.
fn hollow(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.values().all(hollow))
}

/// The value at a path.
pub(crate) fn get<'v>(value: &'v Value, path: &[Seg]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, seg| match seg {
        Seg::Key(key) => value.get(key),
        Seg::Index(index) => value.get(*index),
    })
}

fn get_mut<'v>(value: &'v mut Value, path: &[Seg]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, seg| match seg {
        Seg::Key(key) => value.get_mut(key),
        Seg::Index(index) => value.get_mut(*index),
    })
}

/// What a value is, for people.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An editor that loses a neighbour.
    struct Careless;

    impl Syntax for Careless {
        fn parse(&self, text: &str) -> Result<Value, Fault> {
            serde_json::from_str(text).map_err(|_| Fault::Lost)
        }

        fn insert(&self, _: &str, _: &[Seg], key: &str, value: &Value) -> Result<String, Fault> {
            Ok(format!("{{\"{key}\": {value}}}"))
        }

        fn push(&self, text: &str, _: &[Seg], _: &Value) -> Result<String, Fault> {
            Ok(text.to_owned())
        }

        fn replace(&self, text: &str, _: &[Seg], _: &Value) -> Result<String, Fault> {
            Ok(text.to_uppercase())
        }

        fn has_root(&self, _: &str) -> bool {
            true
        }

        fn remove(&self, _: &str, _: &[Seg]) -> Result<String, Fault> {
            Ok("{}".to_owned())
        }
    }

    #[test]
    fn careless_editors_are_found_out() {
        let text = r#"{"a": 1, "list": []}"#;
        let key = |name: &str| vec![Seg::Key(name.to_owned())];
        let mut draft = Draft::new(&Careless, text).unwrap();
        let one = Value::from(1);
        assert_eq!(draft.insert(&["b".to_owned()], &one), Err(Fault::Lost));
        assert_eq!(draft.push(&key("list"), &one), Err(Fault::Lost));
        assert_eq!(draft.replace(&key("a"), &Value::from(2)), Err(Fault::Lost));
        assert_eq!(draft.remove(&key("a")), Err(Fault::Lost));
        assert_eq!(draft.text(), text);
    }
}
