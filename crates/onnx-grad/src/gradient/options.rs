//! What to differentiate, and how.

use std::fmt;

/// The name of the input of a gradient model that holds the gradient of its scores, the seed of the
/// backward pass: float32 `[M, classes]` ([`OutputGradient::Input`]).
pub const SEED: &str = "seed";
/// The name of the output that holds the class index of each gradient, int64 `[M]`
/// ([`OutputGradient::Top`], [`OutputGradient::Asked`]).
pub const CLASSES: &str = "classes";
/// The names of the two inputs that choose the classes of a run ([`OutputGradient::Asked`]): how
/// many of the highest scores, int64 `[1]`, and the indices of other classes, int64 `[N]`.
pub const ASKED: [&str; 2] = ["top", "also"];

/// What to differentiate, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The tensors that the gradient is taken with respect to; if empty, the model's input. Other
    /// tensors, such as the feature maps of the CAM methods, become outputs of the gradient model
    /// too. One backward pass computes all gradients.
    pub wrt: Vec<String>,
    /// The tensor of class scores. By default it is the model's one output that holds class scores
    /// or, if that is the result of a softmax, a sigmoid or the like, the tensor before it.
    pub target: Option<String>,
    /// The number of classes, which tells the class scores from other outputs.
    pub classes: Option<usize>,
    /// The score that is not one of these classes, and is left out.
    pub background: Option<Background>,
    /// Which combinations of the scores are differentiated.
    pub seed: OutputGradient,
    /// How a gradient passes a ReLU.
    pub relu: ReluRule,
    /// Relevance in place of the gradient. The rows of the output gradient must then be one-hot, and
    /// [`Options::relu`] has no effect.
    pub relevance: Option<RelevanceRule>,
    /// The size of the image where the model leaves it open, or where [`Options::dense`] is set. By
    /// default it is the size that the model declares.
    pub size: Option<ImageSize>,
    /// Make the classifier fully convolutional first, so that it takes any image that is at least
    /// as large as its own input.
    pub dense: Option<Dense>,
}

/// The score of a background class, which some models have besides those of their classes, as most
/// networks of TensorFlow for ImageNet do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Background {
    /// The first score.
    First,
    /// The last score.
    Last,
}

/// The size of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ImageSize {
    /// The number of columns.
    pub width: usize,
    /// The number of rows.
    pub height: usize,
}

impl fmt::Display for ImageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}

/// How a fully convolutional classifier combines its scores at many positions of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dense {
    /// The score of a class is its maximum over all positions; its gradient is that of the mean of
    /// its positive scores (Mahendran and Vedaldi 2016, `kssaliency_fcn_proper`).
    Positive,
    /// The score of a class is its mean over all positions. For an image of the network's own size
    /// this is the classifier itself.
    Mean,
}

/// Which combinations of the class scores are differentiated: the gradient of the scores, with
/// which the backward pass starts. Each of its M rows gives one gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputGradient {
    /// The caller passes it to each run, as the input [`SEED`] [M, classes] with any M.
    #[default]
    Input,
    /// One row for each of the K highest scores. The output [`CLASSES`] says which classes they
    /// are.
    Top(usize),
    /// One row for each of the highest scores and for each of the other classes that the inputs
    /// [`ASKED`] name, none of them twice. The classes can therefore differ from run to run.
    Asked,
}

/// How a gradient passes a ReLU `y = max(x, 0)`. This is the only difference between the methods of
/// section 4 of Simonyan, Vedaldi and Zisserman (2013) and their successors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum ReluRule {
    /// `dx = dy · [x > 0]`, the derivative (Simonyan et al. 2013).
    #[default]
    Gradient,
    /// `dx = max(dy, 0) · [x > 0]`, guided backpropagation (Springenberg et al. 2014).
    Guided,
    /// `dx = max(dy, 0)`, the deconvolutional network (Zeiler and Fergus 2013).
    Deconvnet,
}

/// How the relevance of a linear layer's output y for a score is shared among its inputs xⱼ, which
/// it adds up with weights wⱼ. Each rule is defined for sums, means, convolutions and products with
/// constant weights; functions of each value alone hand relevance on unchanged, and maxima to the
/// largest value. A network with other operators between the tensors and the scores, such as a
/// softmax or the product of two activations, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelevanceRule {
    /// LRP-ε: `wⱼ xⱼ / (y + ε sign y)`, with the bias in y and ε = 10⁻⁶. It starts with the score
    /// (Bach et al. 2015, equation 58).
    Epsilon,
    /// Excitation backpropagation: `wⱼ⁺ xⱼ⁺ / Σₖ wₖ⁺ xₖ⁺`, without the bias. A unit whose denominator
    /// is 0 passes nothing on. It starts with 1 (Zhang et al. 2016, equation 3).
    Excitation,
    /// Excitation backpropagation, from which, at the last weighted layer before the scores, that of
    /// the opposite weights is subtracted (Zhang et al. 2016, section 3.3).
    ContrastiveExcitation,
    /// The shares of [`RelevanceRule::Excitation`], also called the z⁺ rule or LRP-α1β0. It starts
    /// with 1 for the class and −1 / (N − 1) for each of the other N − 1 classes (Lee et al. 2021,
    /// section 3.2).
    OneAgainstOthers,
}
