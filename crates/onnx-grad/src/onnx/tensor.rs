//! Tensors as values: `TensorProto` to and from lists of numbers.

use half::{bf16, f16};

use super::proto::{TensorProto, tensor_proto::DataType};

impl TensorProto {
    /// A float32 tensor of shape `dims`, row-major. The number of values must be the product of
    /// `dims`, which is 1 if there are none; this is not checked here, but by
    /// [`TensorProto::floats`].
    #[must_use]
    pub fn from_floats(name: &str, dims: &[usize], values: &[f32]) -> Self {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self::from_raw(name, dims, DataType::Float, raw)
    }

    /// An int64 tensor of shape `dims`, row-major, as for [`TensorProto::from_floats`].
    #[must_use]
    pub fn from_integers(name: &str, dims: &[usize], values: &[i64]) -> Self {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self::from_raw(name, dims, DataType::Int64, raw)
    }

    /// A tensor of any type of fixed width, from the bytes of its values: row-major and
    /// little-endian, a byte for each bool. The number of bytes is not checked.
    #[must_use]
    pub fn from_raw(name: &str, dims: &[usize], kind: DataType, raw: Vec<u8>) -> Self {
        Self {
            name: Some(name.into()),
            dims: dims.iter().map(|&n| n as i64).collect(),
            data_type: Some(kind as i32),
            raw_data: Some(raw.into()),
            ..Self::default()
        }
    }

    /// A sample input to try a model on: different numbers between 0 and 1, or zeros for an integer
    /// type.
    ///
    /// # Errors
    /// A text if the type is not supported or the tensor would have 4 GiB or more.
    pub(crate) fn sample(name: &str, dims: &[usize], kind: DataType) -> Result<Self, String> {
        let bytes = match kind {
            DataType::Float | DataType::Int32 => 4,
            DataType::Int64 => 8,
            DataType::Uint8 | DataType::Int8 | DataType::Bool => 1,
            _ => {
                return Err(format!(
                    "'{name}' is of type {}",
                    kind.as_str_name().to_lowercase()
                ));
            }
        };
        let length = dims
            .iter()
            .try_fold(bytes, |n: usize, &d| n.checked_mul(d))
            .filter(|&n| n < 1 << 32)
            .ok_or_else(|| format!("'{name}' of shape {dims:?} is larger than any image"))?;
        let value = |i: usize| ((i % 97 + 1) as f32 / 98.0).to_le_bytes();
        let raw = match kind {
            DataType::Float => (0..length / 4).flat_map(value).collect(),
            _ => vec![0; length],
        };
        Ok(Self::from_raw(name, dims, kind, raw))
    }

    /// The shape. A negative dimension, which is invalid, counts as 0.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        self.dims.iter().map(|&n| n.max(0) as usize).collect()
    }

    /// The values of a float32 tensor, row-major.
    ///
    /// # Errors
    /// A text that names the tensor, if it is of another type or its data do not fit its shape.
    pub fn floats(&self) -> Result<Vec<f32>, String> {
        match (self.data_type(), &self.raw_data) {
            (t, Some(raw)) if t == DataType::Float as i32 => {
                self.checked_count(words(raw, f32::from_le_bytes))
            }
            (t, None) if t == DataType::Float as i32 => self.checked_count(self.float_data.clone()),
            _ => Err(self.wrong_type("float32")),
        }
    }

    /// The values of an int64 or int32 tensor, row-major.
    ///
    /// # Errors
    /// A text that names the tensor, if it is of another type or its data do not fit its shape.
    pub fn integers(&self) -> Result<Vec<i64>, String> {
        match (DataType::try_from(self.data_type()), &self.raw_data) {
            (Ok(DataType::Int64), Some(raw)) => self.checked_count(words(raw, i64::from_le_bytes)),
            (Ok(DataType::Int64), None) => self.checked_count(self.int64_data.clone()),
            (Ok(DataType::Int32), Some(raw)) => {
                self.checked_count(words(raw, |b| i64::from(i32::from_le_bytes(b))))
            }
            (Ok(DataType::Int32), None) => {
                self.checked_count(self.int32_data.iter().map(|&v| v.into()).collect())
            }
            _ => Err(self.wrong_type("int64")),
        }
    }

    /// A float16, bfloat16 or double tensor converted to float32, or `None` for any other type.
    ///
    /// # Errors
    /// A text that names the tensor, if its data do not fit its shape.
    pub fn to_float32(&self) -> Result<Option<Self>, String> {
        let halves = |value: fn(u16) -> f32| match &self.raw_data {
            Some(raw) => words(raw, |bytes| value(u16::from_le_bytes(bytes))),
            // ONNX stores the 16 bits in the lower half of an int32.
            None => self
                .int32_data
                .iter()
                .map(|&bits| value(bits as u16))
                .collect(),
        };
        let values = match (DataType::try_from(self.data_type()), &self.raw_data) {
            (Ok(DataType::Float16), _) => halves(|bits| f16::from_bits(bits).to_f32()),
            (Ok(DataType::Bfloat16), _) => halves(|bits| bf16::from_bits(bits).to_f32()),
            (Ok(DataType::Double), Some(raw)) => {
                words(raw, |bytes| f64::from_le_bytes(bytes) as f32)
            }
            (Ok(DataType::Double), None) => self.double_data.iter().map(|&v| v as f32).collect(),
            _ => return Ok(None),
        };
        Ok(Some(Self::from_floats(
            self.name(),
            &self.shape(),
            &self.checked_count(values)?,
        )))
    }

    fn checked_count<T>(&self, values: Vec<T>) -> Result<Vec<T>, String> {
        let wanted: usize = self.shape().iter().product();
        if values.len() == wanted {
            return Ok(values);
        }
        Err(format!(
            "tensor '{}' has {} values, but its shape {:?} needs {wanted}",
            self.name(),
            values.len(),
            self.dims
        ))
    }

    fn wrong_type(&self, wanted: &str) -> String {
        let kind = DataType::try_from(self.data_type()).map_or("unknown", |t| t.as_str_name());
        format!("tensor '{}' is of type {kind}, not {wanted}", self.name())
    }
}

fn words<T, const N: usize>(raw: &[u8], word: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>()
        .0
        .iter()
        .map(|&bytes| word(bytes))
        .collect()
}
