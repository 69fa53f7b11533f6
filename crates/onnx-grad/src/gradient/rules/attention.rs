//! Attention: for each query, the mean of the values, weighted by how well their keys match.

use super::common::Grads;
use super::heads;
use super::linear::{product, swap_last_axes};
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::{GradientError, unsupported};
use crate::onnx::proto::{AttributeProto, NodeProto};

/// `y = P · V, P = softmax S, S = T + mask, T = c · tanh(R / c), R = s · Q · Kᵀ`, for each head
///
/// `dV = Pᵀ · dy, dS = P · (dP − Σ dP · P), dP = dy · Vᵀ`
///
/// `dQ = s · dR · K, dK = s · dRᵀ · Q, dR = dS · (1 − tanh²(R / c))`
///
/// Without a softcap c, T = R. P is what the operator itself returns, so that every mask and its
/// alignment are the operator's own. If there are fewer heads of keys than of queries, each serves
/// several of them.
pub(super) fn attention(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    if node.input_name(4).is_some() || node.input_name(5).is_some() {
        return Err(unsupported(node, "past keys and values have no rule"));
    }
    let [q, k, v] = [0, 1, 2].map(|i| g.input(node, i));
    let heads = Heads::new(node, &q.shape, &k.shape)?;
    let q = heads.of_queries(g, &q);
    let (k, v) = (heads.of_keys(g, &k), heads.of_keys(g, &v));
    let y = g.shape(&node.output[0]);
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y);
    let dy = heads.of_queries(g, &dy);

    let p = probabilities(g, node, [&q.shape[..3], &[k.shape[2]]].concat())?;
    let p_transposed = swap_last_axes(g, &p);
    let dv = product(g, &p_transposed, &dy);
    let v_transposed = swap_last_axes(g, &v);
    let dp = product(g, &dy, &v_transposed);
    let weighted = g.mul(&dp, &p);
    let sum = g.sum(&weighted, &[4]);
    let rest = g.sub(&dp, &sum);
    let ds = g.mul(&rest, &p);

    let scale = node.float("scale", 1.0 / (q.shape[3] as f32).sqrt());
    let cap = node.float("softcap", 0.0);
    let dr = if cap == 0.0 {
        ds.clone()
    } else {
        let slope = softcap_slope(g, &q, &k, scale / cap);
        g.mul(&ds, &slope)
    };
    let dr = g.scale(&dr, scale);
    let dq = product(g, &dr, &k);
    let dr_transposed = swap_last_axes(g, &dr);
    let dk = product(g, &dr_transposed, &q);
    let mut grads = vec![
        heads.gradient_of_queries(g, node, &dq),
        heads.gradient_of_keys(g, node, 1, &dk),
        heads.gradient_of_keys(g, node, 2, &dv),
    ];
    if let Some(mask) = node.input_name(3).filter(|mask| g.needs_gradient(mask)) {
        let mask = g.shape(mask);
        grads.push(g.sum_to(&ds, &p.shape, &mask));
    }
    Ok(grads.into_iter().map(Some).collect())
}

/// P, which the operator returns as its fourth output if `qk_matmul_output_mode` says so.
fn probabilities(
    g: &mut Builder,
    node: &NodeProto,
    shape: Vec<usize>,
) -> Result<Value, GradientError> {
    const OUTPUT: usize = 3;
    const MODE: &str = "qk_matmul_output_mode";
    const AFTER_SOFTMAX: i64 = 3;
    let other = node.output.get(OUTPUT).filter(|name| !name.is_empty());
    if let Some(name) = other
        && node.int(MODE, 0) != AFTER_SOFTMAX
        && g.has_users(name)
    {
        let reason = format!("`{name}` is used, and does not hold the probabilities");
        return Err(unsupported(node, &reason));
    }
    let forward = g.producer(node);
    forward.attribute.retain(|a| a.name() != MODE);
    forward.attribute.push(AttributeProto {
        name: Some(MODE.into()),
        ..AFTER_SOFTMAX.into()
    });
    Ok(g.extra_output(node, OUTPUT, shape))
}

/// `1 − tanh²(factor · Q · Kᵀ)`
fn softcap_slope(g: &mut Builder, q: &Value, k: &Value, factor: f32) -> Value {
    let transposed = swap_last_axes(g, k);
    let scores = product(g, q, &transposed);
    let scores = g.scale(&scores, factor);
    let tanh = g.unary("Tanh", &scores);
    let square = g.mul(&tanh, &tanh);
    g.complement(&square)
}

/// The heads of queries, and of keys and values.
struct Heads {
    queries: usize,
    keys: usize,
    /// Whether the axes are [B, S, H · D] and not [B, H, S, D].
    merged: bool,
}

impl Heads {
    fn new(node: &NodeProto, q: &[usize], k: &[usize]) -> Result<Self, GradientError> {
        let queries = heads::count(node, q, "q_num_heads")?;
        let keys = heads::count(node, k, "kv_num_heads")?;
        if queries % keys != 0 {
            let reason = format!("{keys} heads of keys for {queries} of queries");
            return Err(unsupported(node, &reason));
        }
        Ok(Self {
            queries,
            keys,
            merged: q.len() == 3,
        })
    }

    /// Queries, or a gradient of the output, with an axis for the heads.
    fn of_queries(&self, g: &mut Builder, a: &Value) -> Value {
        if self.merged {
            heads::split(g, a, self.queries)
        } else {
            a.clone()
        }
    }

    /// Keys or values, [B, H, S, D], with as many heads as the queries.
    fn of_keys(&self, g: &mut Builder, a: &Value) -> Value {
        let a = if self.merged {
            heads::split(g, a, self.keys)
        } else {
            a.clone()
        };
        let (batch, rest) = (a.shape[0], a.shape[2..].to_vec());
        let times = self.queries / self.keys;
        let one = g.reshape(&a, &[&[batch, self.keys, 1], &rest[..]].concat());
        let each = g.expand(&one, &[&[batch, self.keys, times], &rest[..]].concat());
        g.reshape(&each, &[&[batch, self.queries], &rest[..]].concat())
    }

    fn gradient_of_queries(&self, g: &mut Builder, node: &NodeProto, dq: &Value) -> Value {
        let x = g.shape(&node.input[0]);
        let dq = if self.merged {
            heads::merge(g, dq)
        } else {
            dq.clone()
        };
        g.reshape_to_gradient(&dq, &x)
    }

    /// The gradient of input `i` from that of [`Heads::of_keys`], [rows, B, H, S, D].
    fn gradient_of_keys(&self, g: &mut Builder, node: &NodeProto, i: usize, dk: &Value) -> Value {
        let x = g.shape(&node.input[i]);
        let (batch, rest) = (dk.shape[1], &dk.shape[3..]);
        let times = self.queries / self.keys;
        let grouped = g.reshape(dk, &[&[1, batch, self.keys, times], rest].concat());
        let sum = g.sum(&grouped, &[3]);
        let summed = g.reshape(&sum, &[&[1, batch, self.keys], rest].concat());
        let dx = if self.merged {
            heads::merge(g, &summed)
        } else {
            summed
        };
        g.reshape_to_gradient(&dx, &x)
    }
}
