//! The result of the compiler.

use crate::onnx::proto::ModelProto;

/// A model that returns class scores and their gradients.
#[derive(Clone, Debug)]
pub struct GradientModel {
    /// The model.
    ///
    /// Its inputs are [`GradientModel::input`] and, depending on
    /// [`OutputGradient`](super::options::OutputGradient), [`SEED`](super::options::SEED) or
    /// [`ASKED`](super::options::ASKED). Its outputs are, in this order,
    /// [`GradientModel::scores`], [`CLASSES`](super::options::CLASSES) unless the output gradient
    /// is an input, [`GradientModel::gradients`], and the tensors of
    /// [`Options::wrt`](super::options::Options::wrt) other than the input.
    pub model: ModelProto,
    /// The forward half alone, from [`GradientModel::input`] to [`GradientModel::scores`].
    pub forward: ModelProto,
    /// The name of the model's input. If the model calls it like another input or output of the
    /// gradient model, such as `seed`, it is `own/seed` here.
    pub input: String,
    /// The shape of the input, for one image.
    pub input_shape: Vec<usize>,
    /// The name of the class scores, which is that of the target.
    pub scores: String,
    /// The number of classes: the number of values of the scores, whatever their shape.
    pub classes: usize,
    /// The names of the gradients, in the order of
    /// [`Options::wrt`](super::options::Options::wrt): that of the tensor followed by `_grad`. A
    /// gradient has the shape [M, ...], one row per row of the output gradient.
    pub gradients: Vec<String>,
    /// The names of the tensors of [`Options::wrt`](super::options::Options::wrt) other than the
    /// input, in the same order. They are those of the options, unless the gradient model uses such
    /// a name itself: then `own/` is put before it, as for all tensors of the model.
    pub layers: Vec<String>,
    /// The shapes of these tensors, for one image.
    pub layer_shapes: Vec<Vec<usize>>,
    /// What a user of these gradients should know, in full sentences.
    pub warnings: Vec<String>,
}
