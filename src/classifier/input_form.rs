//! The one form in which all networks are given pictures.
//!
//! Networks differ in the order of their input's axes and in its element type. The model is changed
//! so that it takes [1, channels, height, width]; the compiler makes the type float32. What the
//! model declares and what its description says must agree, and must be clear together.

use onnx_grad::onnx::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, tensor_proto::DataType, tensor_shape_proto::Dimension,
    tensor_shape_proto::dimension, type_proto,
};
use onnx_grad::onnx::{Graph, sides};

use super::channels::Channels;
use super::description::ModelDescription;
use super::element_type::ElementType;
use super::layout::Layout;
use crate::remedy::Refused;

/// The form in which a model itself takes pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputForm {
    /// The order of the axes.
    pub layout: Layout,
    /// The type of the numbers.
    pub dtype: ElementType,
}

/// The name of the new input of a model with another layout.
const PICTURE: &str = "localise/picture";
/// The name of a constant 0.
const ZERO: &str = "localise/zero";

/// Declares the picture as an input [1, channels, height, width] of the description's size, and
/// appends the steps that lead from it to the layout of the model. Returns the model's
/// own form, or `None` if none of its inputs is clearly the picture, which the compiler refuses.
///
/// # Errors
/// [`Refused`], which names the input, where it contradicts the description or fits several
/// layouts.
pub(super) fn standardise(
    model: &mut ModelProto,
    description: &ModelDescription,
) -> Result<Option<InputForm>, Refused> {
    let Some(graph) = model.graph.as_mut() else {
        return Ok(None);
    };
    let Some(position) = picture(graph, description) else {
        return Ok(None);
    };
    let input = &graph.input[position];
    let Some(declared) = Declared::new(input) else {
        return Ok(None);
    };
    let dtype = check_type(input, &declared, description)?;
    let layout = find_layout(input, &declared, description)?;
    let batch = match &declared.dims {
        Some(dims) if layout.has_batch() => dims[0].unwrap_or(1),
        _ => 1,
    };
    let (height, width) = description.size.shape();
    let shape = [batch, description.channels.count(), height, width];
    let name = input.name().to_owned();
    let steps = steps(layout, &name);
    let first = if steps.is_empty() { &name } else { PICTURE };
    graph.input[position] = declaration(first, declared.kind, &shape);
    if steps.iter().any(|step| step.op_type() == "Gather") {
        let zero = TensorProto::from_integers(ZERO, &[], &[0]);
        graph.initializer.push(zero);
    }
    graph.node.splice(..0, steps);
    // The picture is the first input, so that it can be told from others that the scores do not need.
    graph.input.swap(0, position);
    Ok(Some(InputForm { layout, dtype }))
}

/// What a model declares of an input.
struct Declared {
    kind: DataType,
    /// The dimensions, `None` for an open one; `None` where the model declares no shape.
    dims: Option<Vec<Option<usize>>>,
}

impl Declared {
    /// `None` for an input that is not a tensor.
    fn new(input: &ValueInfoProto) -> Option<Self> {
        let Some(type_proto::Value::TensorType(tensor)) = &input.r#type.as_ref()?.value else {
            return None;
        };
        let size = |dim: &Dimension| match dim.value {
            Some(dimension::Value::DimValue(n)) if n > 0 => Some(n as usize),
            _ => None,
        };
        Some(Self {
            kind: DataType::try_from(tensor.elem_type()).unwrap_or_default(),
            dims: tensor
                .shape
                .as_ref()
                .map(|shape| shape.dim.iter().map(size).collect()),
        })
    }

    /// Whether a picture of this shape can be passed, whatever the length of the batch is.
    fn fits(&self, layout: Layout, shape: &[usize]) -> bool {
        let Some(dims) = &self.dims else {
            return true;
        };
        let batch = usize::from(layout.has_batch());
        dims.len() == shape.len()
            && dims[batch..]
                .iter()
                .zip(&shape[batch..])
                .all(|(dim, n)| dim.is_none_or(|dim| dim == *n))
    }
}

/// The position of the picture among the model's inputs: the only one, or the only one with a
/// shape that the description allows.
fn picture(graph: &GraphProto, description: &ModelDescription) -> Option<usize> {
    let names: Vec<_> = Graph::new(graph).inputs().map(str::to_owned).collect();
    let inputs: Vec<_> = (0..graph.input.len())
        .filter(|&i| names.iter().any(|name| name == graph.input[i].name()))
        .collect();
    let fits = |i: &&usize| {
        Declared::new(&graph.input[**i])
            .is_some_and(|declared| !fitting_layouts(&declared, description).is_empty())
    };
    let fitting: Vec<_> = inputs.iter().filter(fits).copied().collect();
    match (&inputs[..], &fitting[..]) {
        ([only], _) | (_, [only]) => Some(*only),
        _ => None,
    }
}

/// The layouts that fit both the model and its description.
fn fitting_layouts(declared: &Declared, description: &ModelDescription) -> Vec<Layout> {
    let channels = description.channels.count();
    let fits = |layout: &Layout| {
        description.layout.is_none_or(|stated| stated == *layout)
            && layout
                .shape(channels, description.size)
                .is_some_and(|shape| declared.fits(*layout, &shape))
    };
    Layout::ALL.into_iter().filter(fits).collect()
}

/// The one layout that fits. Layouts that differ only in where an axis of length 1 is are one.
fn find_layout(
    input: &ValueInfoProto,
    declared: &Declared,
    description: &ModelDescription,
) -> Result<Layout, Refused> {
    let path = description.model.display();
    let channels = description.channels.count();
    let fitting = fitting_layouts(declared, description);
    let shape = |layout: Layout| layout.shape(channels, description.size);
    match fitting[..] {
        [] => Err(contradiction(input, declared, description)),
        [first, ref others @ ..]
            if others
                .iter()
                .all(|other| channels == 1 && shape(*other) == shape(first)) =>
        {
            Ok(first)
        }
        _ => {
            let names: Vec<_> = fitting.iter().map(|l| format!("\"{l}\"")).collect();
            Err(Refused::with_advice(
                format!(
                    "{path}: the shape of its input `{}` is {}, and the order of its axes is not \
                     clear",
                    input.name(),
                    shown(input, declared)
                ),
                format!(
                    "set `layout` in the model's description to {}",
                    names.join(" or ")
                ),
            ))
        }
    }
}

/// The error for an input whose shape contradicts the description.
fn contradiction(
    input: &ValueInfoProto,
    declared: &Declared,
    description: &ModelDescription,
) -> Refused {
    let path = description.model.display();
    let (height, width) = description.size.shape();
    let stated = match description.layout {
        Some(layout) => format!(", layout \"{layout}\""),
        None => String::new(),
    };
    let message = format!(
        "{path}: the shape of its input is {}, but its description says size {height} x {width} \
         (height x width), {}{stated}",
        shown(input, declared),
        description.channels.described()
    );
    let other = |channels: Channels, layout: Layout| {
        let shape = layout.shape(channels.count(), description.size)?;
        declared.fits(layout, &shape).then(|| {
            let once = match channels {
                Channels::Grey => " (and one number each for `mean` and `std`)",
                Channels::Rgb | Channels::Bgr => "",
            };
            format!("`channels = \"{channels}\"` and `layout = \"{layout}\"`{once}")
        })
    };
    let channels = [description.channels, Channels::Rgb, Channels::Grey];
    let other = channels
        .into_iter()
        .flat_map(|channels| Layout::ALL.map(|layout| (channels, layout)))
        .find_map(|(channels, layout)| other(channels, layout));
    let advice = match other {
        Some(other) => format!("{other} in the model's description would fit"),
        None => "correct `size`, `channels` and `layout` in the model's description; an input \
                 that is not a picture cannot be used"
            .into(),
    };
    Refused::with_advice(message, advice)
}

/// The declared shape, such as `[N, 3, 224, 224]`.
fn shown(input: &ValueInfoProto, declared: &Declared) -> String {
    match declared.dims {
        Some(_) => format!("[{}]", sides(input).join(", ")),
        None => "not declared".into(),
    }
}

/// Refuses an input of another type than the description says, of a type that holds no pixels, and
/// a scaling that leads to numbers that the type does not hold.
fn check_type(
    input: &ValueInfoProto,
    declared: &Declared,
    description: &ModelDescription,
) -> Result<ElementType, Refused> {
    let path = description.model.display();
    let name = input.name();
    let Some(kind) = ElementType::from_onnx(declared.kind) else {
        let kind = declared.kind.as_str_name().to_lowercase();
        return Err(Refused::with_advice(
            format!("{path}: its input `{name}` is of type {kind}, which holds no pixels"),
            "export the model with an input of float32 or uint8",
        ));
    };
    if let Some(stated) = description.dtype.filter(|stated| *stated != kind) {
        return Err(Refused::with_advice(
            format!(
                "{path}: its input `{name}` is of type {kind}, but its description says {stated}"
            ),
            format!("set `dtype = \"{kind}\"` in the model's description, or leave it out"),
        ));
    }
    if kind.holds(&description.scaling()) {
        return Ok(kind);
    }
    let whole = kind.whole_pixels();
    Err(Refused::with_advice(
        format!(
            "{path}: its input `{name}` is of type {kind}, but `range`, `mean` and `std` scale \
             pixels to numbers that {kind} does not hold"
        ),
        format!(
            "a model with such an input scales the pixels itself: set `dtype = \"{kind}\"` and \
             leave out `range`, `mean` and `std` (they are then {}, {} and {})",
            whole.range, whole.mean[0], whole.std[0]
        ),
    ))
}

/// The nodes from the picture [1, channels, height, width] to the tensor `name` of a layout.
fn steps(layout: Layout, name: &str) -> Vec<NodeProto> {
    let transpose = |from: &str, order: &[i64]| {
        let order: AttributeProto = order.to_vec().into();
        NodeProto::new("Transpose", &[from], name, &[("perm", order)])
    };
    let without = |axis: i64, from: &str, to: &str| {
        NodeProto::new("Gather", &[from, ZERO], to, &[("axis", axis.into())])
    };
    let inner = "localise/chw";
    match layout {
        Layout::Nchw => vec![],
        Layout::Nhwc => vec![transpose(PICTURE, &[0, 2, 3, 1])],
        Layout::Chw => vec![without(0, PICTURE, name)],
        Layout::Hwc => vec![without(0, PICTURE, inner), transpose(inner, &[1, 2, 0])],
        Layout::Nhw => vec![without(1, PICTURE, name)],
        Layout::Hw => vec![without(0, PICTURE, inner), without(0, inner, name)],
    }
}

/// The declaration of an input of a fixed shape.
fn declaration(name: &str, kind: DataType, shape: &[usize]) -> ValueInfoProto {
    let dim = |&n: &usize| Dimension {
        value: Some(dimension::Value::DimValue(n as i64)),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(kind as i32),
        shape: Some(TensorShapeProto {
            dim: shape.iter().map(dim).collect(),
        }),
    };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
