//! Install.

use std::path::Path;

use session_bridge_core::provider::Want;

/// What an installation of the bridge at `home` wants, with every consent.
pub(crate) fn want(home: &Path) -> Want {
    Want {
        hook_program: home.join("bin/session-bridge-hook"),
        main_program: home.join("bin/session-bridge"),
        home_override: None,
        allow_tools: true,
    }
}
