//! Networks, their gradients, and the saliency maps that are made of them.

mod broken_models;
mod fetching;
mod input_forms;
mod layers;
mod methods;
mod methods_on_networks;
mod networks;
mod outputs;
