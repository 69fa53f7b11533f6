//! Functions of each value, with numpy's broadcasting.

use super::{Builder, Value, broadcast};

impl Builder {
    /// A function of each value alone.
    pub fn map(&mut self, op: &str, a: &Value) -> Value {
        self.emit(op, &[a], &[], a.shape.clone())
    }

    /// A function of two values, with numpy's broadcasting.
    pub fn zip(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        let shape = broadcast(&a.shape, &b.shape);
        self.emit(op, &[a, b], &[], shape)
    }

    /// a + b
    pub fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.zip("Add", a, b)
    }

    /// a − b
    pub fn sub(&mut self, a: &Value, b: &Value) -> Value {
        self.zip("Sub", a, b)
    }

    /// a · b
    ///
    /// A gradient times two forward tensors one after the other is written as the gradient times
    /// their product, which is computed once for all rows; the first product is dropped unless
    /// something else uses it.
    pub fn mul(&mut self, a: &Value, b: &Value) -> Value {
        let (a, b) = if self.rows.contains(&b.name) {
            (b, a)
        } else {
            (a, b)
        };
        if !self.rows.contains(&a.name) || self.rows.contains(&b.name) {
            return self.zip("Mul", a, b);
        }
        let earlier = self
            .products
            .get(&a.name)
            .filter(|_| broadcast(&a.shape, &b.shape) == a.shape)
            .cloned();
        let (dy, factor) = match earlier {
            Some((dy, factor)) => (dy, self.mul(&factor, b)),
            None => (a.clone(), b.clone()),
        };
        let product = self.zip("Mul", &dy, &factor);
        self.products.insert(product.name.clone(), (dy, factor));
        product
    }

    /// OutputGradient and forward tensor whose product a gradient is, where it is one.
    #[must_use]
    pub fn masked_seed(&self, dy: &Value) -> Option<(Value, Value)> {
        self.products
            .get(&dy.name)
            .filter(|(seed, _)| self.seeds.contains(&seed.name))
            .cloned()
    }

    /// a / b
    pub fn div(&mut self, a: &Value, b: &Value) -> Value {
        self.zip("Div", a, b)
    }

    /// a · factor
    pub fn scale(&mut self, a: &Value, factor: f32) -> Value {
        if factor == 1.0 {
            return a.clone();
        }
        let factor = self.scalar(factor);
        self.mul(a, &factor)
    }

    /// a + offset
    pub fn shift(&mut self, a: &Value, offset: f32) -> Value {
        let offset = self.scalar(offset);
        self.add(a, &offset)
    }

    /// 1 − a, for a in [0, 1]. `HardSigmoid` stays in ONNX Runtime's blocked layout, where `Sub`
    /// does not.
    pub fn complement(&mut self, a: &Value) -> Value {
        self.hard_sigmoid(a, -1.0, 1.0)
    }

    /// max(0, min(1, alpha·a + beta))
    pub fn hard_sigmoid(&mut self, a: &Value, alpha: f32, beta: f32) -> Value {
        self.emit(
            "HardSigmoid",
            &[a],
            &[("alpha", alpha.into()), ("beta", beta.into())],
            a.shape.clone(),
        )
    }

    /// `[a > 0]`: 1 for every a above 3.4e-39, otherwise 0. It stays in ONNX Runtime's blocked
    /// layout, where comparisons do not.
    pub fn step(&mut self, a: &Value) -> Value {
        self.hard_sigmoid(a, 3e38, 0.0)
    }

    /// `[a > bound]`, or `[a < bound]` where `below`. With a slope of a power of two, slope·a −
    /// slope·bound has no rounding error that could change its sign.
    pub fn beyond(&mut self, a: &Value, bound: f32, below: bool) -> Value {
        let slope = 2f32.powi(100 - bound.abs().max(1.0).log2().ceil() as i32);
        let slope = if below { -slope } else { slope };
        self.hard_sigmoid(a, slope, -slope * bound)
    }

    /// [a = b], as numbers
    pub fn equal(&mut self, a: &Value, b: &Value) -> Value {
        let equal = self.zip("Equal", a, b);
        self.emit("Cast", &[&equal], &[("to", 1.into())], equal.shape.clone())
    }
}
