//! Networks, their gradients, and the saliency maps that are made of them.

mod broken_models;
mod fetching;
mod methods;
mod networks;
