//! The list of every provider, and nothing else.

use session_bridge_core::provider::Provider;

/// Every provider, in the order users see them.
pub const PROVIDERS: &[&dyn Provider] = &[
    &sb_claude_code::ClaudeCode,
    &sb_codex::Codex,
    &sb_cline::Cline,
    &sb_grok::Grok,
    &sb_opencode::Opencode,
    &sb_gemini_cli::GeminiCli,
    &sb_cursor::Cursor,
];

/// The provider that users call `id`.
pub fn by_id(id: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.card().id.as_str() == id)
}

/// The provider whose MCP client introduces itself as `name`.
pub fn by_mcp_client(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.card().is_mcp_client(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let mut seen = BTreeSet::new();
        for provider in PROVIDERS {
            let id = provider.card().id.as_str();
            let kebab =
                id.split('-').all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()));
            assert!(kebab, "{id}");
            assert!(seen.insert(id), "{id} twice");
        }
        for names in [
            PROVIDERS.iter().map(|provider| provider.card().short).collect::<Vec<_>>(),
            PROVIDERS.iter().flat_map(|provider| provider.card().mcp_clients.iter().copied()).collect(),
            PROVIDERS.iter().flat_map(|provider| provider.card().binaries.iter().copied()).collect(),
        ] {
            let unique: BTreeSet<_> = names.iter().collect();
            assert_eq!(unique.len(), names.len(), "{names:?}");
        }
    }

    #[test]
    fn a_session_is_named_on_both_sides() {
        for provider in PROVIDERS {
            let card = provider.card();
            assert!(!card.identity.mcp.is_empty(), "{}", card.id);
            assert!(!card.identity.hook.is_empty() || card.hooks.is_empty(), "{}", card.id);
        }
    }

    #[test]
    fn providers_are_found_by_their_names() {
        for provider in PROVIDERS {
            let card = provider.card();
            assert_eq!(by_id(card.id.as_str()).unwrap().card().id, card.id);
            for client in card.mcp_clients {
                assert_eq!(by_mcp_client(client).unwrap().card().id, card.id);
            }
        }
        assert!(by_id("nobody").is_none());
        assert!(by_mcp_client("nobody").is_none());
    }
}
