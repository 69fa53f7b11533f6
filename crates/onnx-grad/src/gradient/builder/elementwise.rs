//! Functions of each value, with numpy's broadcasting.

use super::base::{Builder, Product};
use super::value::{Value, broadcast};

impl Builder {
    /// A function of one value.
    pub(crate) fn unary(&mut self, op: &str, a: &Value) -> Value {
        self.emit(op, &[a], &[], a.shape.clone())
    }

    /// A function of two values, with numpy's broadcasting.
    pub(crate) fn binary(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        let shape = broadcast(&a.shape, &b.shape);
        self.emit(op, &[a, b], &[], shape)
    }

    /// a + b
    pub(crate) fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Add", a, b)
    }

    /// a − b
    pub(crate) fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Sub", a, b)
    }

    /// a · b
    ///
    /// `(dy · f) · b` is written as `dy · (f · b)` for a gradient dy and forward tensors f and b:
    /// their product is computed once for all rows. The node of `dy · f` is dropped at the end if
    /// nothing else uses it.
    pub(crate) fn mul(&mut self, a: &Value, b: &Value) -> Value {
        let (a, b) = if self.with_rows.contains(&b.name) {
            (b, a)
        } else {
            (a, b)
        };
        if !self.with_rows.contains(&a.name) || self.with_rows.contains(&b.name) {
            return self.binary("Mul", a, b);
        }
        let earlier = self
            .products
            .get(&a.name)
            .filter(|_| broadcast(&a.shape, &b.shape) == a.shape)
            .cloned();
        let factors = match earlier {
            Some(Product { dy, factor }) => {
                let factor = self.mul(&factor, b);
                Product { dy, factor }
            }
            None => Product {
                dy: a.clone(),
                factor: b.clone(),
            },
        };
        let product = self.binary("Mul", &factors.dy, &factors.factor);
        self.products.insert(product.name.clone(), factors);
        product
    }

    /// The factors of `dy`, if it is the product of the output gradient and a forward tensor.
    pub(crate) fn masked_seed(&self, dy: &Value) -> Option<Product> {
        self.products
            .get(&dy.name)
            .filter(|product| self.seeds.contains(&product.dy.name))
            .cloned()
    }

    /// a / b
    pub(crate) fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.binary("Div", a, b)
    }

    /// a · factor
    pub(crate) fn scale(&mut self, a: &Value, factor: f32) -> Value {
        if factor == 1.0 {
            return a.clone();
        }
        let factor = self.scalar(factor);
        self.mul(a, &factor)
    }

    /// a + offset
    pub(crate) fn add_scalar(&mut self, a: &Value, offset: f32) -> Value {
        let offset = self.scalar(offset);
        self.add(a, &offset)
    }

    /// 1 − a, for a in [0, 1]
    ///
    /// `HardSigmoid` keeps ONNX Runtime's blocked layout, which `Sub` does not.
    pub(crate) fn complement(&mut self, a: &Value) -> Value {
        self.hard_sigmoid(a, -1.0, 1.0)
    }

    /// max(0, min(1, alpha·a + beta))
    pub(crate) fn hard_sigmoid(&mut self, a: &Value, alpha: f32, beta: f32) -> Value {
        self.emit(
            "HardSigmoid",
            &[a],
            &[("alpha", alpha.into()), ("beta", beta.into())],
            a.shape.clone(),
        )
    }

    /// `[a > 0]`: 1 for every a above 3.4e-39, otherwise 0
    ///
    /// `HardSigmoid` keeps ONNX Runtime's blocked layout, which comparisons do not.
    pub(crate) fn step(&mut self, a: &Value) -> Value {
        self.hard_sigmoid(a, 3e38, 0.0)
    }

    /// `[a > bound]`
    pub(crate) fn above(&mut self, a: &Value, bound: f32) -> Value {
        let alpha = steep(bound);
        self.hard_sigmoid(a, alpha, -alpha * bound)
    }

    /// `[a < bound]`
    pub(crate) fn below(&mut self, a: &Value, bound: f32) -> Value {
        let alpha = -steep(bound);
        self.hard_sigmoid(a, alpha, -alpha * bound)
    }

    /// `[a = b]`, as float32
    pub(crate) fn equal(&mut self, a: &Value, b: &Value) -> Value {
        let equal = self.binary("Equal", a, b);
        self.emit("Cast", &[&equal], &[("to", 1.into())], equal.shape.clone())
    }
}

/// The factor α of a step at `bound`. It is a power of two, so that α·a − α·bound has no rounding
/// error that could change its sign, and small enough that α·bound is finite.
fn steep(bound: f32) -> f32 {
    2f32.powi(100 - bound.abs().max(1.0).log2().ceil() as i32)
}
