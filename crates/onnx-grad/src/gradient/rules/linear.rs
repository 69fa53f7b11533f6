//! Matrix products.

use super::{Builder, Grads, NodeProto, Value, unsupported};
use crate::gradient::builder::broadcast;

/// `y = α · A · B + β · C        dA = α · dy · Bᵀ, dB = α · Aᵀ · dy, dC = β · dy`, A and B
/// transposed where asked
pub(super) fn gemm(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let [a_turned, b_turned] = ["transA", "transB"].map(|name| node.int(name, 0) != 0);
    let (a, b) = (g.input(node, 0), g.input(node, 1));
    let dy = g.whole_output(node, dy);
    let mut grads = vec![None; 3];
    if g.wants(&node.input[0]) {
        // One row of A for each row of the gradient: the product stays a `Gemm` with the same B.
        grads[0] = Some(if a.shape[0] == 1 && !a_turned {
            let attributes = [
                ("alpha", alpha.into()),
                ("transB", i64::from(!b_turned).into()),
            ];
            g.emit("Gemm", &[&dy, &b], &attributes, a.shape.clone())
        } else {
            let dy = g.apart(&dy, &g.shape(&node.output[0]));
            let b = if b_turned {
                b.clone()
            } else {
                g.transpose(&b, &[1, 0])
            };
            let da = product(g, &dy, &b);
            let da = g.scale(&da, alpha);
            let da = if a_turned {
                g.transpose(&da, &[0, 2, 1])
            } else {
                da
            };
            g.settle(&da, &a.shape)
        });
    }
    if g.wants(&node.input[1]) {
        let dy = g.apart(&dy, &g.shape(&node.output[0]));
        let a = if a_turned {
            a
        } else {
            g.transpose(&a, &[1, 0])
        };
        let db = product(g, &a, &dy);
        let db = g.scale(&db, alpha);
        let db = if b_turned {
            g.transpose(&db, &[0, 2, 1])
        } else {
            db
        };
        grads[1] = Some(g.settle(&db, &b.shape));
    }
    if node.input_name(2).is_some_and(|c| g.wants(c)) {
        let dc = g.scale(&dy, beta);
        grads[2] = Some(g.unbroadcast(node, 2, &dc));
    }
    Ok(grads)
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
    let dy = g.whole_output(node, dy);
    let dy = g.apart(&dy, &y.shape);
    let (row, column) = (a.shape.len() == 1, b.shape.len() == 1);
    let left = if row {
        g.reshape(&a, &[1, a.shape[0]])
    } else {
        a.clone()
    };
    let right = if column {
        Value {
            shape: vec![b.shape[0], 1],
            ..g.reshape(&b, &[b.shape[0], 1])
        }
    } else {
        b.clone()
    };
    let mut full = y.shape.clone();
    if row {
        full.insert(full.len() - usize::from(!column), 1);
    }
    full.extend(column.then_some(1));
    let dy = g.reshape(&dy, &[&[1], &full[..]].concat());
    let mut grads = vec![None, None];
    if g.wants(&node.input[0]) {
        grads[0] = Some(if right.shape.len() == 2 {
            // One product with the rows of all matrices under each other shares b with the forward
            // pass.
            let (inner, outer) = (right.shape[0], right.shape[1]);
            let flat = g.reshape(&dy, &[1, outer]);
            let da = g.emit(
                "Gemm",
                &[&flat, &right],
                &[("transB", 1.into())],
                vec![1, inner],
            );
            g.reshape(&da, &g.row(&node.input[0]))
        } else {
            let right = turned(g, &right);
            let da = product(g, &dy, &right);
            within(g, &da, &left.shape, &full, &a.shape)
        });
    }
    if g.wants(&node.input[1]) {
        let left = turned(g, &left);
        let db = product(g, &left, &dy);
        grads[1] = Some(within(g, &db, &right.shape, &full, &b.shape));
    }
    Ok(grads)
}

/// The last two axes exchanged.
fn turned(g: &mut Builder, a: &Value) -> Value {
    let rank = a.shape.len();
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    g.transpose(a, &perm)
}

/// The gradient of an operand of shape `x` whose leading axes were broadcast to those of `y`, in
/// the shape `own`.
fn within(g: &mut Builder, dx: &Value, x: &[usize], y: &[usize], own: &[usize]) -> Value {
    let mut full = y.to_vec();
    let rank = full.len();
    full[rank - 2..].copy_from_slice(&x[x.len() - 2..]);
    let missing = rank - x.len();
    let repeated: Vec<_> = (0..rank - 2)
        .filter(|&i| full[i] > 1 && (i < missing || x[i - missing] == 1))
        .map(|i| i + 1)
        .collect();
    let dx = g.sum(dx, &repeated);
    g.settle(&dx, own)
}

/// `y = Σ over the letters that y lacks, of the product of all x        dxᵢ = the same sum of dy
/// and all other x`
pub(super) fn einsum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let shapes: Vec<_> = node.input.iter().map(|name| g.shape(name)).collect();
    let ranks: Vec<_> = shapes.iter().map(Vec::len).collect();
    let y = g.shape(&node.output[0]);
    let equation = Equation::read(node.string("equation", ""), &ranks, y.len());
    let equation = equation.map_err(|reason| unsupported(node, &reason))?;
    let dy = g.whole_output(node, dy);
    let dy = g.apart(&dy, &y);
    let mut grads = Vec::new();
    for (i, x) in shapes.iter().enumerate() {
        if !g.wants(&node.input[i]) {
            grads.push(None);
            continue;
        }
        let (text, kept) = equation.of_operand(i, &shapes);
        let others: Vec<_> = (0..shapes.len())
            .filter(|&j| j != i)
            .map(|j| g.input(node, j))
            .collect();
        let operands: Vec<_> = std::iter::once(&dy).chain(&others).collect();
        let letters = x.iter().zip(kept);
        let shape = std::iter::once(1)
            .chain(letters.clone().filter_map(|(&n, kept)| kept.then_some(n)))
            .collect();
        let dx = g.emit(
            "Einsum",
            &operands,
            &[("equation", text.as_str().into())],
            shape,
        );
        let full: Vec<_> = std::iter::once(1)
            .chain(letters.map(|(&n, kept)| if kept { n } else { 1 }))
            .collect();
        let dx = g.reshape(&dx, &full);
        // A first axis of size 1 gives its place to the rows.
        let own = if x.first() == Some(&1) {
            [&[1], &full[2..]].concat()
        } else {
            full
        };
        grads.push(Some(g.reshape(&dx, &own)));
    }
    Ok(grads)
}

/// The equation of an `Einsum`, with "..." written out in capital letters.
#[derive(Debug, PartialEq)]
struct Equation {
    /// The letters of each operand, one an axis.
    terms: Vec<String>,
    /// Those of the result.
    right: String,
}

impl Equation {
    /// What "..." stands for, the last axis last.
    const DOTS: &str = "ABCDEFGH";
    /// The letter of the rows of a gradient.
    const ROWS: &str = "Z";

    /// Reads an equation for operands of these ranks and a result of rank `result`.
    fn read(text: &str, ranks: &[usize], result: usize) -> Result<Self, String> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = text
            .split_once("->")
            .map_or((&*text, None), |(left, right)| (left, Some(right)));
        let terms: Vec<_> = left.split(',').collect();
        if terms.len() != ranks.len() {
            return Err(format!("equation '{text}' for {} operands", ranks.len()));
        }
        let written = |term: &str, rank: usize| {
            let count = rank
                .saturating_sub(term.replace("...", "").len())
                .min(Self::DOTS.len());
            term.replace("...", &Self::DOTS[Self::DOTS.len() - count..])
        };
        let terms: Vec<_> = terms
            .iter()
            .zip(ranks)
            .map(|(term, &rank)| written(term, rank))
            .collect();
        let right = right.map_or_else(|| implied(&terms), |right| written(right, result));
        let twice = |term: &String| term.chars().any(|c| term.matches(c).count() > 1);
        if terms.iter().any(twice) || text.contains(|c: char| c.is_uppercase()) {
            return Err(format!(
                "equation '{text}' takes a diagonal or has capital letters"
            ));
        }
        Ok(Self { terms, right })
    }

    /// The equation that makes the gradient of operand `i` of that of the result and of all other
    /// operands, and which letters of operand `i` it keeps. Along the others the gradient is
    /// constant: only this operand has them, or it has size 1 there and was broadcast.
    fn of_operand(&self, i: usize, shapes: &[Vec<usize>]) -> (String, Vec<bool>) {
        let others: Vec<_> = (0..self.terms.len())
            .filter(|&j| j != i)
            .map(|j| self.terms[j].as_str())
            .collect();
        // The size of a letter is the largest that an operand gives it.
        let size = |c: char| {
            self.terms
                .iter()
                .zip(shapes)
                .filter_map(|(term, shape)| Some(shape[term.find(c)?]))
                .max()
        };
        let kept = |(c, &n): (char, &usize)| {
            let broadcast = n == 1 && size(c) > Some(1);
            !broadcast && (self.right.contains(c) || others.iter().any(|term| term.contains(c)))
        };
        let kept: Vec<_> = self.terms[i].chars().zip(&shapes[i]).map(kept).collect();
        let result: String = self.terms[i]
            .chars()
            .zip(&kept)
            .filter_map(|(c, kept)| kept.then_some(c))
            .collect();
        let rows = Self::ROWS;
        let dy = format!("{rows}{}", self.right);
        (
            format!(
                "{}->{rows}{result}",
                [&[&*dy], &others[..]].concat().join(",")
            ),
            kept,
        )
    }
}

/// The right side that ONNX gives an equation without one: what "..." stands for, then the letters
/// that occur once.
fn implied(terms: &[String]) -> String {
    let all = terms.concat();
    let mut once: Vec<_> = all
        .chars()
        .filter(|&c| all.matches(c).count() == 1 || c < 'a')
        .collect();
    once.sort_unstable();
    once.dedup();
    once.into_iter().collect()
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
            let equation = Equation::read(text, &ranks, 2).expect(text);
            assert_eq!(
                equation.of_operand(0, &shapes),
                (gradient.to_owned(), kept.to_vec()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_the_rule_does_not_know_is_refused() {
        let message = |text, ranks: &[usize]| Equation::read(text, ranks, 1).expect_err(text);
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
