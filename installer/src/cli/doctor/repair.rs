//! `doctor --fix`: brings links and entries back to what the ledger says was agreed to.

use session_bridge_core::apply::{self, Disk};

use super::check::{Check, Checks};
use crate::cli::context::Context;
use crate::install::{Target, links, target_of};
use crate::report::Failure;

/// Makes the links anew, which a plugin needs as well, and the entries of these ledgers.
pub(super) fn fix(context: &Context, names: &[String], plugged: bool, checks: &mut Checks) {
    if names.is_empty() && !plugged {
        return;
    }
    match links::make(&context.home) {
        Ok(made) => {
            for link in made {
                checks.add(Check::ok("repair", "link", format!("linked {}", link.path.display())));
            }
        }
        Err(failure) => checks.add(Check::failed("repair", "link", &failure)),
    }
    for name in names {
        match entries(context, name) {
            Ok(lines) => {
                for line in lines {
                    checks.add(Check::ok("repair", "config", line));
                }
            }
            Err(failure) => checks.add(Check::failed("repair", "config", &failure)),
        }
    }
}

fn entries(context: &Context, name: &str) -> Result<Vec<String>, Failure> {
    let Some(target) = target_of(name, &context.home, &context.host)? else { return Ok(Vec::new()) };
    let allowed = target.is_allowed(&context.home, &context.host)?;
    let plan = Target::plan(&target, &context.home, &context.host, allowed);
    let applied = apply::apply(&plan, &Disk::new(context.home.root()))?;
    let mut lines: Vec<String> =
        applied.written.iter().map(|path| format!("wrote {}", path.display())).collect();
    if applied.repaired {
        lines.push(format!("finished the ledger of {name} after a crash"));
    }
    Ok(lines)
}
