//! Matrix products.

use super::common::Grads;
use crate::gradient::builder::{Builder, Value, broadcast};
use crate::gradient::error::unsupported;
use crate::onnx::proto::NodeProto;

/// `y = α · A · B + β · C        dA = α · dy · Bᵀ, dB = α · Aᵀ · dy, dC = β · dy`
///
/// With `transA`, A and dA stand for their transposes; likewise with `transB`.
pub(super) fn gemm(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let dy = g.expand_output(node, dy);
    let mut grads = vec![None; 3];
    if g.needs_gradient(&node.input[0]) {
        grads[0] = Some(gemm_left(g, node, &dy));
    }
    if g.needs_gradient(&node.input[1]) {
        grads[1] = Some(gemm_right(g, node, &dy));
    }
    if node.input_name(2).is_some_and(|c| g.needs_gradient(c)) {
        let dc = g.scale(&dy, node.float("beta", 1.0));
        grads[2] = Some(g.unbroadcast(node, 2, &dc));
    }
    Ok(grads)
}

/// `dA = α · dy · Bᵀ`
///
/// If A has one row, dA has one for each row of the gradient, and the product stays a `Gemm` with
/// the same B.
fn gemm_left(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let (a, b) = (g.input(node, 0), g.input(node, 1));
    let alpha = node.float("alpha", 1.0);
    let [a_transposed, b_transposed] = ["transA", "transB"].map(|name| node.int(name, 0) != 0);
    if a.shape[0] == 1 && !a_transposed {
        let attributes = [
            ("alpha", alpha.into()),
            ("transB", i64::from(!b_transposed).into()),
        ];
        return g.emit("Gemm", &[dy, &b], &attributes, a.shape.clone());
    }
    let dy = g.split_rows(dy, &g.shape(&node.output[0]));
    let b = if b_transposed {
        b
    } else {
        g.transpose(&b, &[1, 0])
    };
    let da = product(g, &dy, &b);
    let da = g.scale(&da, alpha);
    let da = if a_transposed {
        g.transpose(&da, &[0, 2, 1])
    } else {
        da
    };
    g.reshape_to_gradient(&da, &a.shape)
}

/// `dB = α · Aᵀ · dy`
fn gemm_right(g: &mut Builder, node: &NodeProto, dy: &Value) -> Value {
    let (a, b) = (g.input(node, 0), g.input(node, 1));
    let dy = g.split_rows(dy, &g.shape(&node.output[0]));
    let a = if node.int("transA", 0) != 0 {
        a
    } else {
        g.transpose(&a, &[1, 0])
    };
    let db = product(g, &a, &dy);
    let db = g.scale(&db, node.float("alpha", 1.0));
    let db = if node.int("transB", 0) != 0 {
        g.transpose(&db, &[0, 2, 1])
    } else {
        db
    };
    g.reshape_to_gradient(&db, &b.shape)
}

/// a · b over the last two axes, the others broadcast.
fn product(g: &mut Builder, a: &Value, b: &Value) -> Value {
    let mut shape = broadcast(&a.shape, &b.shape);
    let rank = shape.len();
    shape[rank - 2] = a.shape[a.shape.len() - 2];
    shape[rank - 1] = b.shape[b.shape.len() - 1];
    g.emit("MatMul", &[a, b], &[], shape)
}

/// `y = a · b        da = dy · bᵀ, db = aᵀ · dy`, over the last two axes; a vector is a matrix of
/// one row or column
pub(super) fn matmul(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let [a, b, y] = [&node.input[0], &node.input[1], &node.output[0]].map(|name| g.forward(name));
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y.shape);
    let (is_row, is_column) = (a.shape.len() == 1, b.shape.len() == 1);
    let left = if is_row {
        g.reshape(&a, &[1, a.shape[0]])
    } else {
        a.clone()
    };
    let right = if is_column {
        Value {
            shape: vec![b.shape[0], 1],
            ..g.reshape(&b, &[b.shape[0], 1])
        }
    } else {
        b.clone()
    };
    // The shape of y with the axes of row and column.
    let mut full = y.shape.clone();
    if is_row {
        full.insert(full.len() - usize::from(!is_column), 1);
    }
    full.extend(is_column.then_some(1));
    let dy = g.reshape(&dy, &[&[1], &full[..]].concat());
    let mut grads = vec![None, None];
    if g.needs_gradient(&node.input[0]) {
        let da = if right.shape.len() == 2 {
            product_with_shared_matrix(g, &dy, &right, &a.shape)
        } else {
            let transposed = swap_last_axes(g, &right);
            let da = product(g, &dy, &transposed);
            let da = sum_broadcast(g, &da, &left.shape, &full);
            g.reshape_to_gradient(&da, &a.shape)
        };
        grads[0] = Some(da);
    }
    if g.needs_gradient(&node.input[1]) {
        let transposed = swap_last_axes(g, &left);
        let db = product(g, &transposed, &dy);
        let db = sum_broadcast(g, &db, &right.shape, &full);
        grads[1] = Some(g.reshape_to_gradient(&db, &b.shape));
    }
    Ok(grads)
}

/// `da = dy · bᵀ` for a single matrix b, with the rows of all matrices of dy below each other: a
/// `Gemm` that shares b with the forward half
fn product_with_shared_matrix(g: &mut Builder, dy: &Value, b: &Value, a: &[usize]) -> Value {
    let (inner, outer) = (b.shape[0], b.shape[1]);
    let flat = g.reshape(dy, &[1, outer]);
    let attributes = [("transB", 1.into())];
    let da = g.emit("Gemm", &[&flat, b], &attributes, vec![1, inner]);
    g.reshape_to_gradient(&da, a)
}

/// The last two axes exchanged.
fn swap_last_axes(g: &mut Builder, a: &Value) -> Value {
    let rank = a.shape.len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    g.transpose(a, &perm)
}

/// Σ over the leading axes along which an operand of shape `x` was repeated to those of `y`.
fn sum_broadcast(g: &mut Builder, dx: &Value, x: &[usize], y: &[usize]) -> Value {
    let mut full = y.to_vec();
    let rank = full.len();
    full[rank - 2..].copy_from_slice(&x[x.len() - 2..]);
    let missing = rank - x.len();
    let repeated: Vec<_> = (0..rank - 2)
        .filter(|&axis| full[axis] > 1 && (axis < missing || x[axis - missing] == 1))
        .map(|axis| axis + 1)
        .collect();
    g.sum(dx, &repeated)
}

/// `y = Σ of the product of all x, over the letters that y lacks`
///
/// `dxᵢ = Σ of the product of dy and all other x, over the letters that xᵢ lacks`
pub(super) fn einsum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let shapes: Vec<_> = node.input.iter().map(|name| g.shape(name)).collect();
    let ranks: Vec<_> = shapes.iter().map(Vec::len).collect();
    let y = g.shape(&node.output[0]);
    let equation = Equation::parse(node.string("equation", ""), &ranks, y.len());
    let equation = equation.map_err(|reason| unsupported(node, &reason))?;
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y);
    let mut grads = Vec::new();
    for (i, x) in shapes.iter().enumerate() {
        if !g.needs_gradient(&node.input[i]) {
            grads.push(None);
            continue;
        }
        let gradient = equation.gradient(i, &shapes);
        let others: Vec<_> = (0..shapes.len())
            .filter(|&j| j != i)
            .map(|j| g.input(node, j))
            .collect();
        let operands: Vec<_> = std::iter::once(&dy).chain(&others).collect();
        // The shapes without the axes that the equation drops, and with size 1 there.
        let (mut short, mut full) = (vec![1], vec![1]);
        for (&n, &kept) in x.iter().zip(&gradient.kept) {
            short.extend(kept.then_some(n));
            full.push(if kept { n } else { 1 });
        }
        let attributes = [("equation", gradient.text.as_str().into())];
        let dx = g.emit("Einsum", &operands, &attributes, short);
        let dx = g.reshape(&dx, &full);
        // The rows take the place of a first axis of size 1.
        let with_rows = if x.first() == Some(&1) {
            [&[1], &full[2..]].concat()
        } else {
            full
        };
        grads.push(Some(g.reshape(&dx, &with_rows)));
    }
    Ok(grads)
}

/// The equation of an `Einsum`, with "..." written out in capital letters.
#[derive(Debug, PartialEq)]
struct Equation {
    /// The letters of each operand, one for each axis.
    terms: Vec<String>,
    /// The letters of the result.
    right: String,
}

/// The equation that gives the gradient of one operand.
struct GradientEquation {
    text: String,
    /// For each axis of the operand, whether the equation gives it. Along the others the gradient
    /// is constant: only this operand has the letter, or it has size 1 there and was broadcast.
    kept: Vec<bool>,
}

impl Equation {
    /// What "..." stands for, the last axis last.
    const DOTS: &str = "ABCDEFGH";
    /// The letter of the rows of a gradient.
    const ROWS: &str = "Z";

    /// Parses an equation for operands of these ranks and a result of rank `result`.
    fn parse(text: &str, ranks: &[usize], result: usize) -> Result<Self, String> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text.as_str(), None),
        };
        let terms: Vec<_> = left.split(',').collect();
        if terms.len() != ranks.len() {
            return Err(format!("equation '{text}' for {} operands", ranks.len()));
        }
        let terms: Vec<_> = terms
            .iter()
            .zip(ranks)
            .map(|(term, &rank)| Self::written_out(term, rank))
            .collect();
        let right = match right {
            Some(right) => Self::written_out(right, result),
            None => implied_result(&terms),
        };
        let has_diagonal = |term: &String| term.chars().any(|c| term.matches(c).count() > 1);
        if terms.iter().any(has_diagonal) || text.contains(|c: char| c.is_uppercase()) {
            return Err(format!(
                "equation '{text}' takes a diagonal or has capital letters"
            ));
        }
        Ok(Self { terms, right })
    }

    /// A term for a tensor of rank `rank`, with a letter for each axis that "..." stands for.
    fn written_out(term: &str, rank: usize) -> String {
        let count = rank
            .saturating_sub(term.replace("...", "").len())
            .min(Self::DOTS.len());
        term.replace("...", &Self::DOTS[Self::DOTS.len() - count..])
    }

    /// The equation that gives the gradient of operand `i` from that of the result and all other
    /// operands.
    fn gradient(&self, i: usize, shapes: &[Vec<usize>]) -> GradientEquation {
        let mut others = self.terms.clone();
        let term = others.remove(i);
        let mut kept = Vec::new();
        for (c, &n) in term.chars().zip(&shapes[i]) {
            let is_broadcast = n == 1 && self.size(c, shapes) > Some(1);
            let is_known = self.right.contains(c) || others.iter().any(|other| other.contains(c));
            kept.push(is_known && !is_broadcast);
        }
        let result: String = term
            .chars()
            .zip(&kept)
            .filter_map(|(c, kept)| kept.then_some(c))
            .collect();
        let rows = Self::ROWS;
        let dy = format!("{rows}{}", self.right);
        let operands = [&[dy], &others[..]].concat().join(",");
        GradientEquation {
            text: format!("{operands}->{rows}{result}"),
            kept,
        }
    }

    /// The size of a letter: the largest that an operand gives it.
    fn size(&self, letter: char, shapes: &[Vec<usize>]) -> Option<usize> {
        self.terms
            .iter()
            .zip(shapes)
            .filter_map(|(term, shape)| Some(shape[term.find(letter)?]))
            .max()
    }
}

/// The right side that ONNX gives an equation without one: what "..." stands for, then the letters
/// that occur once, in alphabetical order.
fn implied_result(terms: &[String]) -> String {
    let all = terms.concat();
    let mut letters: Vec<_> = all
        .chars()
        .filter(|&c| all.matches(c).count() == 1 || c < 'a')
        .collect();
    letters.sort_unstable();
    letters.dedup();
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equation and shapes of the operands, and the equation of the first operand's gradient with
    /// the letters that it keeps.
    #[test]
    fn equations_turn_into_those_of_gradients() {
        type EquationCase = (
            &'static str,
            &'static [&'static [usize]],
            &'static str,
            &'static [bool],
        );
        let cases: [EquationCase; 6] = [
            (
                "ij, jk -> ik",
                &[&[2, 3], &[3, 4]],
                "Zik,jk->Zij",
                &[true, true],
            ),
            ("ij->i", &[&[2, 3]], "Zi->Zi", &[true, false]),
            (
                "ij,ij->ij",
                &[&[1, 3], &[2, 3]],
                "Zij,ij->Zj",
                &[false, true],
            ),
            (
                "...i,i->...",
                &[&[2, 3, 4], &[4]],
                "ZGH,i->ZGHi",
                &[true, true, true],
            ),
            (
                "bij,jk",
                &[&[5, 2, 3], &[3, 4]],
                "Zbik,jk->Zbij",
                &[true, true, true],
            ),
            ("i,j->", &[&[2], &[3]], "Z,j->Z", &[false]),
        ];
        for (text, shapes, gradient, kept) in cases {
            let shapes: Vec<_> = shapes.iter().map(|shape| shape.to_vec()).collect();
            let ranks: Vec<_> = shapes.iter().map(Vec::len).collect();
            let equation = Equation::parse(text, &ranks, 2).expect(text);
            let found = equation.gradient(0, &shapes);
            assert_eq!(
                (found.text.as_str(), &found.kept[..]),
                (gradient, kept),
                "{text}"
            );
        }
    }

    #[test]
    fn unsupported_equations_are_refused() {
        let message = |text, ranks: &[usize]| Equation::parse(text, ranks, 1).expect_err(text);
        assert_eq!(
            message("ii->i", &[2]),
            "equation 'ii->i' takes a diagonal or has capital letters"
        );
        assert_eq!(
            message("iJ->i", &[2]),
            "equation 'iJ->i' takes a diagonal or has capital letters"
        );
        assert_eq!(
            message("ij,j->i", &[2]),
            "equation 'ij,j->i' for 1 operands"
        );
    }
}
