//! What runs at every prompt and tool call.
