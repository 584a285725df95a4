//! Finding our entries again in a file that others have edited.

use serde_json::Value;

use super::Seg;
use super::draft::get;
use crate::plan::{Match, Step};

/// Whether everything in `want` is in `have`; objects may hold more.
pub(super) fn contains(have: &Value, want: &Value) -> bool {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            want.iter().all(|(key, want)| have.get(key).is_some_and(|have| contains(have, want)))
        }
        (Value::Array(have), Value::Array(want)) => {
            have.len() == want.len() && have.iter().zip(want).all(|(have, want)| contains(have, want))
        }
        _ => have == want,
    }
}

/// Positions of the elements that are ours.
pub(super) fn matching(array: &Value, ours: &Match) -> Vec<usize> {
    let elements = array.as_array().map(Vec::as_slice).unwrap_or_default();
    elements
        .iter()
        .enumerate()
        .filter(|(_, element)| hits(element, &ours.at, ours))
        .map(|(index, _)| index)
        .collect()
}

fn hits(value: &Value, at: &[Step], ours: &Match) -> bool {
    match at.split_first() {
        None => value.as_str().is_some_and(|text| ours.test.passes(text)),
        Some((Step::Key(key), rest)) => value.get(key).is_some_and(|inner| hits(inner, rest, ours)),
        Some((Step::Each, rest)) => {
            value.as_array().is_some_and(|elements| elements.iter().any(|inner| hits(inner, rest, ours)))
        }
    }
}

/// The inner array of an element that holds foreign entries beside ours: the way to it, and where ours are.
pub(super) fn shared(element: &Value, ours: &Match) -> Option<(Vec<Seg>, Vec<usize>)> {
    let (way, elements, rest) = inner(element, ours)?;
    let mine: Vec<usize> = (0..elements.len()).filter(|index| hits(&elements[*index], rest, ours)).collect();
    (mine.len() < elements.len()).then_some((way, mine))
}

pub(super) fn inner_ours<'v>(element: &'v Value, ours: &Match) -> Vec<&'v Value> {
    let Some((_, elements, rest)) = inner(element, ours) else { return Vec::new() };
    elements.iter().filter(|inner| hits(inner, rest, ours)).collect()
}

fn inner<'v, 'm>(element: &'v Value, ours: &'m Match) -> Option<(Vec<Seg>, &'v Vec<Value>, &'m [Step])> {
    let each = ours.at.iter().position(|step| *step == Step::Each)?;
    let way: Vec<Seg> = ours.at[..each]
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(Seg::Key(key.clone())),
            Step::Each => None,
        })
        .collect();
    let elements = get(element, &way)?.as_array()?;
    Some((way, elements, &ours.at[each + 1..]))
}
