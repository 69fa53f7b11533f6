//! Sums of products over letters.

use super::common::Grads;
use crate::gradient::builder::{Builder, Value};
use crate::gradient::error::unsupported;
use crate::onnx::proto::NodeProto;

/// `y = Σ of the product of all x, over the letters that y lacks`
///
/// `dxᵢ = Σ of the product of dy and all other x, over the letters that xᵢ lacks`
///
/// A letter that an operand repeats takes its diagonal, and dx is 0 elsewhere: one of the axes gets
/// a letter of its own, and the identity matrix is one more factor.
pub(super) fn einsum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let shapes: Vec<_> = node.input.iter().map(|name| g.shape(name)).collect();
    let ranks: Vec<_> = shapes.iter().map(Vec::len).collect();
    let equation = Equation::parse(node.string("equation", ""), &ranks)
        .map_err(|reason| unsupported(node, &reason))?;
    let y = g.shape(&node.output[0]);
    let dy = g.expand_output(node, dy);
    let dy = g.split_rows(&dy, &y);
    let mut grads = Vec::new();
    for (i, x) in shapes.iter().enumerate() {
        if !g.needs_gradient(&node.input[i]) {
            grads.push(None);
            continue;
        }
        let gradient = equation
            .gradient(i, &shapes)
            .map_err(|reason| unsupported(node, &reason))?;
        let mut operands = vec![dy.clone()];
        operands.extend(
            (0..shapes.len())
                .filter(|&j| j != i)
                .map(|j| g.input(node, j)),
        );
        operands.extend(gradient.diagonals.iter().map(|&n| identity(g, n)));
        // The shapes without the axes that the equation drops, and with size 1 there.
        let (mut short, mut full) = (vec![1], vec![1]);
        for (&n, &kept) in x.iter().zip(&gradient.kept) {
            short.extend(kept.then_some(n));
            full.push(if kept { n } else { 1 });
        }
        let attributes = [("equation", gradient.text.as_str().into())];
        let operands: Vec<_> = operands.iter().collect();
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

/// The identity matrix of size n.
fn identity(g: &mut Builder, n: usize) -> Value {
    let mut values = vec![0.0; n * n];
    values.iter_mut().step_by(n + 1).for_each(|v| *v = 1.0);
    g.new_floats("identity", &[n, n], &values)
}

/// The equation of an `Einsum`, with a letter for each axis that "..." stands for.
#[derive(Debug, PartialEq)]
struct Equation {
    /// The letters of each operand, one for each axis.
    terms: Vec<String>,
    /// The letters of the result.
    right: String,
    /// The letter of the rows of a gradient.
    rows: char,
    /// The letters that are left.
    free: Vec<char>,
}

/// The equation that gives the gradient of one operand.
struct GradientEquation {
    text: String,
    /// For each axis of the operand, whether the equation gives it. Along the others the gradient
    /// is constant: only this operand has the letter, or it has size 1 there and was broadcast.
    kept: Vec<bool>,
    /// The sizes of the identity matrices among the factors.
    diagonals: Vec<usize>,
}

impl Equation {
    /// Parses an equation for operands of these ranks.
    fn parse(text: &str, ranks: &[usize]) -> Result<Self, String> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = match text.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (text.as_str(), None),
        };
        let terms: Vec<_> = left.split(',').collect();
        if terms.len() != ranks.len() {
            return Err(format!("equation '{text}' for {} operands", ranks.len()));
        }
        // How many axes "..." stands for in each term, aligned at the last one.
        let mut dots = Vec::new();
        for (term, rank) in terms.iter().zip(ranks) {
            let letters = term.replace("...", "").len();
            match rank.checked_sub(letters) {
                Some(0) => dots.push(0),
                Some(count) if term.contains("...") => dots.push(count),
                _ => return Err(format!("'{term}' for an operand of rank {rank}")),
            }
        }
        let all = dots.iter().copied().max().unwrap_or_default();
        let mut free: Vec<_> = ('a'..='z')
            .chain('A'..='Z')
            .filter(|&c| !text.contains(c))
            .collect();
        if free.len() <= all {
            return Err(format!("equation '{text}' leaves too few letters"));
        }
        let axes: String = free.split_off(free.len() - all).into_iter().collect();
        let written_out = |term: &str, count| term.replace("...", &axes[all - count..]);
        let terms: Vec<_> = terms
            .iter()
            .zip(dots)
            .map(|(term, count)| written_out(term, count))
            .collect();
        let right = match right {
            Some(right) => written_out(right, all),
            None => implied_result(&terms, &axes),
        };
        let rows = free.pop().unwrap_or_default();
        Ok(Self {
            terms,
            right,
            rows,
            free,
        })
    }

    /// The equation that gives the gradient of operand `i` from that of the result, all other
    /// operands, and identity matrices.
    fn gradient(&self, i: usize, shapes: &[Vec<usize>]) -> Result<GradientEquation, String> {
        let mut factors = self.terms.clone();
        let mut free = self.free.iter().rev();
        let (mut term, mut diagonals) = (String::new(), Vec::new());
        for (c, &n) in factors.remove(i).chars().zip(&shapes[i]) {
            if term.contains(c) {
                let own = free.next().ok_or("its equation leaves too few letters")?;
                factors.push(format!("{c}{own}"));
                diagonals.push(n);
                term.push(*own);
            } else {
                term.push(c);
            }
        }
        let mut kept = Vec::new();
        for (c, &n) in term.chars().zip(&shapes[i]) {
            let is_broadcast = n == 1 && self.size(c, shapes) > Some(1);
            let is_known = self.right.contains(c) || factors.iter().any(|f| f.contains(c));
            kept.push(is_known && !is_broadcast);
        }
        let result: String = term
            .chars()
            .zip(&kept)
            .filter_map(|(c, kept)| kept.then_some(c))
            .collect();
        let rows = self.rows;
        let dy = format!("{rows}{}", self.right);
        let left = [&[dy], &factors[..]].concat().join(",");
        Ok(GradientEquation {
            text: format!("{left}->{rows}{result}"),
            kept,
            diagonals,
        })
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

/// The right side that ONNX gives an equation without one: the axes that "..." stands for, then the
/// letters that occur once, in alphabetical order.
fn implied_result(terms: &[String], axes: &str) -> String {
    let all = terms.concat();
    let mut letters: Vec<_> = all
        .chars()
        .filter(|&c| all.matches(c).count() == 1 && !axes.contains(c))
        .collect();
    letters.sort_unstable();
    axes.chars().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equation and shapes of the operands, and the equation of the first operand's gradient with
    /// the letters that it keeps and its identity matrices.
    type EquationCase = (
        &'static str,
        &'static [&'static [usize]],
        &'static str,
        &'static [bool],
        &'static [usize],
    );

    const EQUATIONS: [EquationCase; 11] = [
        (
            "ij, jk -> ik",
            &[&[2, 3], &[3, 4]],
            "Zik,jk->Zij",
            &[true, true],
            &[],
        ),
        ("ij->i", &[&[2, 3]], "Zi->Zi", &[true, false], &[]),
        (
            "ij,ij->ij",
            &[&[1, 3], &[2, 3]],
            "Zij,ij->Zj",
            &[false, true],
            &[],
        ),
        (
            "...i,i->...",
            &[&[2, 3, 4], &[4]],
            "XYZ,i->XYZi",
            &[true; 3],
            &[],
        ),
        (
            "...,...i->i",
            &[&[4], &[2, 4, 3]],
            "Xi,YZi->XZ",
            &[true],
            &[],
        ),
        (
            "bij,jk",
            &[&[5, 2, 3], &[3, 4]],
            "Zbik,jk->Zbij",
            &[true; 3],
            &[],
        ),
        ("i,j->", &[&[2], &[3]], "Z,j->Z", &[false], &[]),
        (
            "bZ,ZA->bA",
            &[&[2, 3], &[3, 4]],
            "YbA,ZA->YbZ",
            &[true; 2],
            &[],
        ),
        ("bii->bi", &[&[2, 3, 3]], "Zbi,iY->ZbiY", &[true; 3], &[3]),
        (
            "iji,j->",
            &[&[3, 2, 3], &[2]],
            "Z,j,iY->ZijY",
            &[true; 3],
            &[3],
        ),
        (
            "a,ab,abc->c",
            &[&[2], &[2, 3], &[2, 3, 4]],
            "Zc,ab,abc->Za",
            &[true],
            &[],
        ),
    ];

    #[test]
    fn equations_turn_into_those_of_gradients() {
        for (text, shapes, gradient, kept, diagonals) in EQUATIONS {
            let shapes: Vec<_> = shapes.iter().map(|shape| shape.to_vec()).collect();
            let ranks: Vec<_> = shapes.iter().map(Vec::len).collect();
            let equation = Equation::parse(text, &ranks).expect(text);
            let found = equation.gradient(0, &shapes).expect(text);
            assert_eq!(
                (found.text.as_str(), &found.kept[..], &found.diagonals[..]),
                (gradient, kept, diagonals),
                "{text}"
            );
        }
    }

    #[test]
    fn unsupported_equations_are_refused() {
        let message = |text: &str, ranks: &[usize]| Equation::parse(text, ranks).expect_err(text);
        assert_eq!(
            message("ij,j->i", &[2]),
            "equation 'ij,j->i' for 1 operands"
        );
        assert_eq!(message("ij->i", &[3]), "'ij' for an operand of rank 3");
        assert_eq!(
            message("...ij->i", &[1]),
            "'...ij' for an operand of rank 1"
        );
        let letters: String = ('a'..='z').chain('A'..='Y').collect();
        let equation = Equation::parse(&letters, &[51]).expect("a letter for the rows");
        assert_eq!((equation.rows, equation.free.len()), ('Z', 0));
        let most: String = ('a'..='z').chain('A'..='Z').collect();
        assert!(message(&most, &[52]).contains("too few letters"));
        let twice = format!("{letters}a");
        let diagonal = Equation::parse(&twice, &[52]).expect("a letter for the rows");
        assert!(diagonal.gradient(0, &[vec![1; 52]]).is_err());
    }
}
