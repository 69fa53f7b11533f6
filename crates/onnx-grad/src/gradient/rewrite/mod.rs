//! Rewrites the forward half to an equivalent one whose backward half is cheaper. Each rewrite has
//! a file of its own.

mod gather;
pub(super) mod local_response;
mod normalisation;
mod relu;

use super::options::ReluRule;
use super::prepare::Prepared;
use super::probe::Facts;

/// Makes all rewrites that `relu` allows, and updates the facts.
pub(super) fn rewrite(prepared: &mut Prepared, facts: &mut Facts, relu: ReluRule) {
    normalisation::fold(prepared, facts);
    gather::merge_into_splits(prepared, facts);
    local_response::expand(prepared, facts);
    if relu == ReluRule::Gradient {
        relu::move_behind_pools(prepared, facts);
    }
}
