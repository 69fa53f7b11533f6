//! The forward half rewritten to equal values, so that the backward pass has less to do. One idea a
//! file.

mod gather;
mod local_response;
mod normalisation;
mod relu;

use super::ReluRule;
use super::prepare::Prepared;
use super::probe::Facts;
pub(super) use local_response::MAX_CHANNELS;

/// Makes all rewrites that `relu` allows, and keeps the facts true.
pub(super) fn rewrite(prepared: &mut Prepared, facts: &mut Facts, relu: ReluRule) {
    normalisation::folded(prepared, facts);
    gather::as_splits(prepared, facts);
    local_response::as_convolutions(prepared, facts);
    if relu == ReluRule::Gradient {
        relu::behind_pools(prepared, facts);
    }
}
