//! What is done only if the person agreed to just that.

use session_bridge_core::provider::Consent;

use super::Args;
use crate::cli::context::Context;
use crate::install::{Target, trust};
use crate::report::Failure;

/// What was agreed to for one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Agreed {
    pub(super) allow_tools: bool,
    pub(super) trust_hooks: bool,
}

impl Agreed {
    /// By flag, and by what was agreed before.
    pub(super) fn before(args: &Args, context: &Context, target: &Target) -> Result<Self, Failure> {
        let has_rule = target.allow_edit(&context.home, &context.host).is_some();
        Ok(Self {
            allow_tools: has_rule && (args.allow_tools || target.is_allowed(&context.home, &context.host)?),
            trust_hooks: args.trust_codex_hooks && reviews(target),
        })
    }

    /// What is left to agree to at a first installation. A provider that is installed already is not asked about again:
    /// whoever said no once can use the flags.
    pub(super) fn open(self, context: &Context, target: &Target) -> Result<Vec<Consent>, Failure> {
        let mut open = Vec::new();
        if !target.record(&context.home)?.files.is_empty() {
            return Ok(open);
        }
        if !self.allow_tools && target.allow_edit(&context.home, &context.host).is_some() {
            open.push(Consent::AllowTools);
        }
        if !self.trust_hooks && reviews(target) && target.site.program.is_some() {
            open.push(Consent::TrustHooks);
        }
        Ok(open)
    }

    /// The same, and these as well.
    pub(super) fn and(mut self, more: &[Consent]) -> Self {
        self.allow_tools |= more.contains(&Consent::AllowTools);
        self.trust_hooks |= more.contains(&Consent::TrustHooks);
        self
    }
}

/// Whether the host runs hooks only after a review that can be noted for its user.
fn reviews(target: &Target) -> bool {
    target.id() == trust::PROVIDER
}
