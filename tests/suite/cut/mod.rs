//! The box: colour models, the energy of the cut, and photos that leave nothing to cut.

mod degenerate;
mod mixtures;
mod photo_flows;
