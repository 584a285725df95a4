//! The laws, held against this provider.

session_bridge_conformance::suite!(sb_opencode::Opencode);
