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
