//! Nodes, and their attributes by type.

use super::proto::{
    AttributeProto, GraphProto, NodeProto, TensorProto, attribute_proto::AttributeType,
};

impl NodeProto {
    /// A node of the standard domain with one output, whose name the node gets too.
    ///
    /// ```
    /// use onnx_grad::onnx::proto::NodeProto;
    /// let node = NodeProto::new("Concat", &["a", "b"], "y", &[("axis", 1.into())]);
    /// assert_eq!((node.op_type(), node.name(), node.int("axis", 0)), ("Concat", "y", 1));
    /// ```
    #[must_use]
    pub fn new(
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, AttributeProto)],
    ) -> Self {
        let named = |(name, value): &(&str, AttributeProto)| AttributeProto {
            name: Some((*name).into()),
            ..value.clone()
        };
        Self {
            op_type: Some(op.into()),
            name: Some(output.into()),
            input: inputs.iter().map(|&input| input.into()).collect(),
            output: vec![output.into()],
            attribute: attributes.iter().map(named).collect(),
            ..Self::default()
        }
    }

    fn attribute_named(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|a| a.name() == name)
    }

    /// The integer attribute `name`, or the operator's default.
    #[must_use]
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute_named(name)
            .map_or(default, AttributeProto::i)
    }

    /// The float attribute `name`, or the operator's default.
    #[must_use]
    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.attribute_named(name)
            .map_or(default, AttributeProto::f)
    }

    /// The list of integers `name`, or `None` if it is left out.
    #[must_use]
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute_named(name).map(|a| a.ints.as_slice())
    }

    /// The list of floats `name`, or `None` if it is left out.
    #[must_use]
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        self.attribute_named(name).map(|a| a.floats.as_slice())
    }

    /// The text attribute `name`, or the operator's default if it is left out or not UTF-8.
    #[must_use]
    pub fn string<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.attribute_named(name)
            .and_then(|a| std::str::from_utf8(a.s()).ok())
            .unwrap_or(default)
    }

    /// The tensor attribute `name`, or `None` if it is left out.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute_named(name).and_then(|a| a.t.as_ref())
    }

    /// The subgraph attribute `name`, or `None` if it is left out.
    #[must_use]
    pub fn graph(&self, name: &str) -> Option<&GraphProto> {
        self.attribute_named(name).and_then(|a| a.g.as_ref())
    }

    /// The name of input `i`, or `None` if it is left out, for which ONNX also has the empty name.
    #[must_use]
    pub fn input_name(&self, i: usize) -> Option<&str> {
        self.input
            .get(i)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    /// What error messages call the node: its name, or that of its first output if it has none.
    #[must_use]
    pub fn label(&self) -> &str {
        if self.name().is_empty() {
            self.output.first().map_or("", String::as_str)
        } else {
            self.name()
        }
    }
}

/// Attribute values without a name, for [`NodeProto::new`]: `("axis", 1.into())`.
impl From<i64> for AttributeProto {
    fn from(i: i64) -> Self {
        Self {
            r#type: Some(AttributeType::Int as i32),
            i: Some(i),
            ..Self::default()
        }
    }
}

impl From<f32> for AttributeProto {
    fn from(f: f32) -> Self {
        Self {
            r#type: Some(AttributeType::Float as i32),
            f: Some(f),
            ..Self::default()
        }
    }
}

impl From<&[i64]> for AttributeProto {
    fn from(ints: &[i64]) -> Self {
        Self {
            r#type: Some(AttributeType::Ints as i32),
            ints: ints.into(),
            ..Self::default()
        }
    }
}

impl From<Vec<i64>> for AttributeProto {
    fn from(ints: Vec<i64>) -> Self {
        ints.as_slice().into()
    }
}

impl From<&str> for AttributeProto {
    fn from(s: &str) -> Self {
        Self {
            r#type: Some(AttributeType::String as i32),
            s: Some(s.into()),
            ..Self::default()
        }
    }
}

impl From<TensorProto> for AttributeProto {
    fn from(t: TensorProto) -> Self {
        Self {
            r#type: Some(AttributeType::Tensor as i32),
            t: Some(t),
            ..Self::default()
        }
    }
}
