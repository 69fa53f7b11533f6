//! Rewrites the forward half to an equivalent one whose backward half is cheaper. Each rewrite has
//! a file of its own.

mod gather;
pub(super) mod local_response;
mod normalisation;
mod relu;

use super::options::{Options, ReluRule};
use super::prepare::Prepared;
use super::probe::Facts;

/// Makes all rewrites that the options allow, and updates the facts.
pub(super) fn rewrite(prepared: &mut Prepared, facts: &mut Facts, options: &Options) {
    normalisation::fold(prepared, facts);
    gather::merge_into_splits(prepared, facts);
    // Relevance passes the normalisation as a whole.
    if options.relevance.is_none() {
        local_response::expand(prepared, facts);
    }
    if options.relu == ReluRule::Gradient {
        relu::move_behind_pools(prepared, facts);
    }
}
