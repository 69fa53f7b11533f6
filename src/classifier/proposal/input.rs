//! The picture among a model's inputs: layout, channels and size, as far as the file declares them.

use std::path::Path;

use onnx_grad::onnx::proto::{GraphProto, ValueInfoProto, tensor_proto::DataType, type_proto};
use onnx_grad::onnx::{Graph, sides};

use super::super::element_type::ElementType;
use super::super::layout::Layout;
use crate::geometry::Size;
use crate::remedy::Refused;

/// The picture among a model's inputs.
#[derive(Clone, Debug)]
pub(super) struct PictureInput {
    pub(super) layout: Layout,
    /// Whether the file says which axis is that of the channels.
    pub(super) is_layout_declared: bool,
    /// The number of channels: 3, or 1 for grey.
    pub(super) channels: usize,
    /// The size, where the file fixes it.
    pub(super) size: Option<Size>,
    pub(super) dtype: ElementType,
    /// The declaration, such as `input [N, 3, 224, 224]`.
    pub(super) declared: String,
}

/// How sure a reading of a shape is; the surest is the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sureness {
    /// The axis of the channels has length 3, or is called so.
    Colour,
    /// It has length 1.
    Grey,
    /// It is open.
    Open,
    /// There is none.
    Absent,
}

impl PictureInput {
    /// The input that can be read as a picture with the greatest sureness.
    ///
    /// # Errors
    /// [`Refused`], where no input can be a picture, or where two axes could be the channels.
    pub(super) fn read(graph: &GraphProto, path: &Path) -> Result<Self, Refused> {
        let names: Vec<_> = Graph::new(graph).inputs().map(str::to_owned).collect();
        let readings: Vec<(Sureness, Self)> = graph
            .input
            .iter()
            .filter(|input| names.iter().any(|name| name == input.name()))
            .flat_map(readings)
            .collect();
        let Some(surest) = readings.iter().map(|(sureness, _)| *sureness).min() else {
            let declared: Vec<_> = graph.input.iter().map(onnx_grad::onnx::declared).collect();
            return Err(Refused::with_advice(
                format!(
                    "{}: none of its inputs is a picture: {}",
                    path.display(),
                    declared.join(", ")
                ),
                "write the description by hand (docs/models.md), if the picture has another shape",
            ));
        };
        let mut found = readings
            .into_iter()
            .filter(|(sureness, _)| *sureness == surest)
            .map(|(_, reading)| reading);
        let first = found.next().expect("the surest reading");
        let is_ambiguous = surest <= Sureness::Grey
            && found.any(|other| other.declared == first.declared && other.layout != first.layout);
        if is_ambiguous {
            return Err(Refused::with_advice(
                format!(
                    "{}: the input is {}, and the order of its axes is not clear",
                    path.display(),
                    first.declared
                ),
                "write the description by hand (docs/models.md), with `layout`",
            ));
        }
        Ok(first)
    }
}

/// What an input could be as a picture, in the order of [`Layout::ALL`].
fn readings(input: &ValueInfoProto) -> Vec<(Sureness, PictureInput)> {
    let Some(type_proto::Value::TensorType(tensor)) =
        input.r#type.as_ref().and_then(|t| t.value.as_ref())
    else {
        return vec![];
    };
    let kind = DataType::try_from(tensor.elem_type()).unwrap_or_default();
    let Some(dtype) = ElementType::from_onnx(kind) else {
        return vec![];
    };
    let sides = sides(input);
    // A length of 0 stands for an open one.
    let length = |axis: usize| sides[axis].parse().ok().filter(|n: &usize| *n > 0);
    let read = |layout: Layout| {
        let axes = layout.axes();
        if axes.rank != sides.len() {
            return None;
        }
        let [height, width] = [axes.height, axes.width].map(length);
        let (sureness, channels) = match axes.channels.map(|axis| (axis, length(axis))) {
            Some((_, Some(3))) => (Sureness::Colour, 3),
            Some((_, Some(1))) => (Sureness::Grey, 1),
            Some((_, Some(_))) => return None,
            Some((axis, None)) if sides[axis].contains("channel") => (Sureness::Colour, 3),
            Some((_, None)) => (Sureness::Open, 3),
            // Without channels, only fixed sides tell a picture from a list of numbers.
            None => (Sureness::Absent, height.and(width).map(|_| 1)?),
        };
        let size = height
            .zip(width)
            .map(|(h, w)| Size::new(w as u32, h as u32));
        Some((
            sureness,
            PictureInput {
                layout,
                is_layout_declared: sureness != Sureness::Open,
                channels,
                size,
                dtype,
                declared: onnx_grad::onnx::declared(input),
            },
        ))
    };
    Layout::ALL.into_iter().filter_map(read).collect()
}
