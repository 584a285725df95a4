//! `settings.json`: the label, roles and room that new sessions of a provider start with. What else is in the file stays.

use serde_json::{Map, Value, json};
use session_bridge_core::fsx;
use session_bridge_core::home::Home;
use session_bridge_core::settings::{Defaults, Settings};

use crate::exit;
use crate::report::Failure;

/// What `init` was given for new sessions. What was not given stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked(pub(crate) Defaults);

impl Asked {
    fn over(&self, old: &Defaults) -> Defaults {
        let new = &self.0;
        Defaults {
            label: new.label.clone().or_else(|| old.label.clone()),
            roles: if new.roles.is_empty() { old.roles.clone() } else { new.roles.clone() },
            room: new.room.clone().or_else(|| old.room.clone()),
        }
    }
}

/// The settings as hooks read them.
pub(crate) fn load(home: &Home) -> Result<Settings, Failure> {
    Ok(fsx::read(&home.settings())?.map(|bytes| Settings::parse_or_default(&bytes)).unwrap_or_default())
}

/// Whether the settings of a provider would be others.
pub(crate) fn would_change(home: &Home, provider: &str, asked: &Asked) -> Result<bool, Failure> {
    let old = load(home)?.of(provider);
    Ok(asked.over(&old) != old)
}

/// Writes a provider's settings; true if they are others now.
pub(crate) fn set(home: &Home, provider: &str, asked: &Asked) -> Result<bool, Failure> {
    if !would_change(home, provider, asked)? {
        return Ok(false);
    }
    let new = asked.over(&load(home)?.of(provider));
    edit(home, |providers| {
        providers.insert(provider.to_owned(), json!(new));
    })?;
    Ok(true)
}

/// Forgets a provider's settings.
pub(crate) fn forget(home: &Home, provider: &str) -> Result<(), Failure> {
    if fsx::read(&home.settings())?.is_none() {
        return Ok(());
    }
    edit(home, |providers| {
        providers.shift_remove(provider);
    })
}

fn edit(home: &Home, change: impl FnOnce(&mut Map<String, Value>)) -> Result<(), Failure> {
    let path = home.settings();
    let damaged = |why: String| {
        Failure::new(
            "settings_damaged",
            exit::CLASH,
            format!("{} is not what session-bridge writes there", path.display()),
            "repair it or move it away, and run the command again",
        )
        .because(why)
    };
    let mut value = match fsx::read(&path)? {
        Some(bytes) => serde_json::from_slice::<Value>(&bytes).map_err(|error| damaged(error.to_string()))?,
        None => json!({}),
    };
    let root = value.as_object_mut().ok_or_else(|| damaged("it is no object".to_owned()))?;
    let providers = root.entry("providers").or_insert_with(|| json!({}));
    change(providers.as_object_mut().ok_or_else(|| damaged("`providers` is no object".to_owned()))?);
    if providers.as_object().is_some_and(Map::is_empty) {
        root.shift_remove("providers");
    }
    if root.is_empty() {
        return Ok(fsx::remove(&path)?);
    }
    fsx::private_dir(home.root())?;
    Ok(fsx::write_private(&path, format!("{value:#}\n").as_bytes())?)
}
