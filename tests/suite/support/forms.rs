//! One small classifier with inputs and outputs of every form, with descriptions and photos.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use onnx_grad::onnx::proto::tensor_proto::DataType;
use onnx_grad::onnx::proto::{
    ModelProto, TensorProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use onnx_grad::onnx::{self};

use super::notation::{declared, model, nodes, numbers};

/// The number of classes.
pub(crate) const CLASSES: usize = 6;
/// The network, from pixels `x` to scores `y`.
pub(crate) const NETWORK: &str = "s = Mul(x, scale); c = Conv(s, k) pads=[1,1,1,1]; r = Relu(c); \
                                  g = GlobalAveragePool(r); f = Flatten(g); y = Gemm(f, w)";
/// What a description says of pixels that the network is given as they are.
pub(crate) const AS_THEY_ARE: &str = "range = 255.0\nmean = 0.0\nstd = 1.0\n";

/// Multiples of 1/64 below 1, which every type of floating point holds.
fn exact(name: &str, dims: &[usize], salt: usize) -> TensorProto {
    let values: Vec<f32> = numbers(dims.iter().product(), salt)
        .iter()
        .map(|v| (v * 63.0).round() / 64.0)
        .collect();
    TensorProto::from_floats(name, dims, &values)
}

/// The weights of [`NETWORK`] for pictures of some channels and a number of classes.
pub(crate) fn weights(channels: usize, classes: usize) -> Vec<TensorProto> {
    vec![
        TensorProto::from_floats("scale", &[], &[1.0 / 64.0]),
        exact("k", &[4, channels, 3, 3], 1),
        exact("w", &[4, classes], 2),
    ]
}

/// The tensor in another type.
pub(crate) fn converted(tensor: &TensorProto, kind: DataType) -> TensorProto {
    let bytes = |value: f32| -> Vec<u8> {
        let bits = value.to_bits();
        match kind {
            DataType::Double => f64::from(value).to_le_bytes().to_vec(),
            DataType::Bfloat16 => ((bits >> 16) as u16).to_le_bytes().to_vec(),
            DataType::Float16 if value == 0.0 => vec![0; 2],
            // Sign, exponent with the bias 15 in place of 127, and ten bits of the fraction.
            DataType::Float16 => {
                let sign = (bits >> 16) & 0x8000;
                let exponent = ((bits >> 23) & 0xff) - 112;
                let half = sign | (exponent << 10) | ((bits >> 13) & 0x3ff);
                (half as u16).to_le_bytes().to_vec()
            }
            DataType::Uint8 => vec![value as u8],
            DataType::Int8 => vec![value as i8 as u8],
            _ => value.to_le_bytes().to_vec(),
        }
    };
    let raw = tensor.floats().unwrap().into_iter().flat_map(bytes);
    TensorProto::from_raw(tensor.name(), &tensor.shape(), kind, raw.collect())
}

/// A form of the input.
#[derive(Clone)]
pub(crate) struct Form {
    pub(crate) name: &'static str,
    /// The declared shape, 0 for an open dimension.
    pub(crate) dims: Vec<usize>,
    pub(crate) kind: DataType,
    /// Nodes from the input `image` to the pixels `x`; if there are none, the input is `x`.
    pub(crate) head: &'static str,
    pub(crate) head_weights: Vec<TensorProto>,
    /// The lines of the description that differ: `channels`, `layout`, `range` and so on.
    pub(crate) keys: String,
    /// Size as in the description.
    pub(crate) size: &'static str,
}

impl Form {
    /// The usual form: [1, 3, 16, 16], float32, RGB.
    pub(crate) fn usual() -> Self {
        Self {
            name: "usual",
            dims: vec![1, 3, 16, 16],
            kind: DataType::Float,
            head: "",
            head_weights: vec![],
            keys: format!("channels = \"rgb\"\n{AS_THEY_ARE}"),
            size: "16",
        }
    }

    /// The classifier with this input. Its weights are of `kind` where that is a type of floating
    /// point and there are no nodes in front.
    pub(crate) fn model(&self, channels: usize) -> ModelProto {
        let (input, text) = match self.head {
            "" => ("x", NETWORK.to_owned()),
            head => ("image", format!("{head}; {NETWORK}")),
        };
        let mut all = weights(channels, CLASSES);
        if self.head.is_empty() && self.kind != DataType::Float {
            all = all.iter().map(|w| converted(w, self.kind)).collect();
        }
        all.extend(self.head_weights.iter().cloned());
        let mut made = model(17, &[], nodes(&text), all);
        let graph = made.graph.as_mut().unwrap();
        graph.input = vec![of_kind(declared(input, &self.dims), self.kind)];
        made
    }

    /// Writes model and description, and gives the description's path.
    pub(crate) fn write(&self, folder: &Path, model: ModelProto) -> PathBuf {
        let Self {
            name, keys, size, ..
        } = self;
        write_model(folder, name, model, &format!("size = {size}\n{keys}"))
    }
}

/// Writes a model of six classes (or as many as `keys` say), and gives its description's path.
pub(crate) fn write_model(folder: &Path, name: &str, model: ModelProto, keys: &str) -> PathBuf {
    onnx::save(model, &folder.join(name).with_extension("onnx")).unwrap();
    let classes = if keys.contains("classes =") {
        String::new()
    } else {
        format!("classes = {:?}\n", class_list(folder, CLASSES))
    };
    let text = format!("title = \"{name}\"\nmodel = \"{name}.onnx\"\n{classes}canvas = 24\n{keys}");
    let description = folder.join(name).with_extension("toml");
    fs::write(&description, text).unwrap();
    description
}

/// A list of so many classes `c0`, `c1` and so on, by its path.
pub(crate) fn class_list(folder: &Path, count: usize) -> PathBuf {
    let rows: String = (0..count).map(|i| format!("{i},c{i},c{i}\n")).collect();
    let path = folder.join(format!("list{count}"));
    let file = path.with_extension("csv");
    fs::write(file, format!("class_index,wnid,name\n{rows}")).unwrap();
    path
}

/// A declaration with another element type.
pub(crate) fn of_kind(mut declaration: ValueInfoProto, kind: DataType) -> ValueInfoProto {
    if let Some(TypeProto {
        value: Some(type_proto::Value::TensorType(tensor)),
        ..
    }) = &mut declaration.r#type
    {
        tensor.elem_type = Some(kind as i32);
        for dim in tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim) {
            if let Some(tensor_shape_proto::dimension::Value::DimValue(0)) = dim.value {
                let open = tensor_shape_proto::dimension::Value::DimParam("open".into());
                dim.value = Some(open);
            }
        }
    }
    declaration
}

/// A folder with photos of one size, a table of them, and the pipeline `plain.toml`, whose map is
/// the gradient's. `grey` photos have three equal channels.
pub(crate) fn photos(folder: &Path, [width, height]: [u32; 2], grey: bool) -> Vec<PathBuf> {
    let plain = "title = \"plain\"\n[view]\nkind = \"warp\"\nfilter = \"bilinear\"\n\
                 [saliency]\nmethod = \"gradient\"\naverage = \"absolute\"\n\
                 [threshold]\nrule = \"mean\"\nalpha = 1.0\n[tuned-on]\nsplit = \"none\"\n";
    fs::write(folder.join("plain.toml"), plain).unwrap();
    let mut table =
        "image_id,file,width,height,wnid,class_index,x_min,y_min,x_max,y_max\n".to_owned();
    let mut paths = Vec::new();
    for i in 0..3u32 {
        let level = |x: u32, y: u32, c: u32| {
            let c = if grey { 0 } else { c };
            ((x * 37 + y * (59 + 16 * i) + x * y * (3 + i) + c * 71) % 256) as u8
        };
        let picture =
            RgbImage::from_fn(width, height, |x, y| Rgb([0, 1, 2].map(|c| level(x, y, c))));
        let path = folder.join(format!("p{i}.png"));
        picture.save(&path).unwrap();
        table += &format!("p{i},p{i}.png,{width},{height},c0,0,0,0,5,5\n");
        paths.push(path);
    }
    fs::write(folder.join("boxes.csv"), table).unwrap();
    paths
}
