//! What keeps Cursor from reading its files, as its hook engine reads them.

use std::borrow::Cow;
use std::path::Path;

use serde_json::Value;
use session_bridge_core::host::Host;
use session_bridge_core::provider::{Scope, Site};

pub(crate) fn hindrances(host: &dyn Host, site: &Site) -> Vec<String> {
    let mut found = Vec::new();
    let file = site.hooks_file.display();
    if let Ok(bytes) = host.read(&site.hooks_file) {
        let text = String::from_utf8_lossy(&bytes);
        if serde_json::from_str::<Value>(&without_comments(&text)).is_err() {
            found.push(format!(
                "{file}: Cursor takes `//` and `/*` for comments in strings as well and cannot read the rest: none of its hooks runs"
            ));
        }
    }
    if let Scope::Project(folder) = &site.scope
        && is_behind_link(host, folder, &site.hooks_file)
    {
        found.push(format!("{file}: Cursor reads no hooks of a project through a symbolic link"));
    }
    found
}

/// Each line to its first `//`, then without what stands between `/*` and `*/`, in strings as well.
fn without_comments(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(|line| line.split("//").next().unwrap_or(line)).collect();
    let mut rest = Cow::from(lines.join("\n"));
    while let Some(begin) = rest.find("/*")
        && let Some(length) = rest[begin + 2..].find("*/")
    {
        rest = Cow::Owned(format!("{}{}", &rest[..begin], &rest[begin + length + 4..]));
    }
    rest.into_owned()
}

fn is_behind_link(host: &dyn Host, folder: &Path, file: &Path) -> bool {
    file.strip_prefix(folder).is_ok_and(|rest| host.canonical(file) != host.canonical(folder).join(rest))
}

#[cfg(test)]
mod tests {
    use session_bridge_core::host::FakeHost;

    use super::*;
    use crate::site;

    fn told(hooks: &str) -> Vec<String> {
        let mut host = FakeHost::at("/home/u");
        host.files.insert("/home/u/.cursor/hooks.json".into(), hooks.as_bytes().to_vec());
        hindrances(&host, &site::locate(&host, &Scope::User).unwrap())
    }

    #[test]
    fn comments_are_read_and_slashes_in_strings_are_not() {
        assert_eq!(told("// mine\n{\"version\": 1, /* two\nlines */ \"hooks\": {}} // end"), [""; 0]);
        let told = told("{\"version\": 1,\n\"hooks\": {\"stop\": [{\"command\": \"curl http://x\"}]}}");
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("/home/u/.cursor/hooks.json: Cursor takes `//`"), "{told:?}");
    }

    #[test]
    fn a_project_may_not_lead_elsewhere() {
        let host = FakeHost::at("/home/u");
        let site = site::locate(&host, &Scope::Project("/src/shop".into())).unwrap();
        assert_eq!(hindrances(&host, &site), [""; 0]);
        assert!(!is_behind_link(&host, Path::new("/src/shop"), &site.hooks_file));
    }
}
