//! The list of every provider, and nothing else.

use session_bridge_core::provider::Provider;

/// Every provider, in the order users see them.
pub const PROVIDERS: &[&dyn Provider] = &[&sb_claude_code::ClaudeCode, &sb_codex::Codex];

/// The provider that users call `id`.
pub fn by_id(id: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.card().id.as_str() == id)
}

/// The provider whose MCP client introduces itself as `name`.
pub fn by_mcp_client(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.card().mcp_clients.contains(&name))
}
