//! Matrix products.

use super::super::unsupported;
use super::{Builder, Grads, NodeProto, Value};

/// `y = α · A · B + β · C        dA = α · dy · Bᵀ, dB = α · Aᵀ · dy, dC = β · dy`, A and B transposed where asked
pub(super) fn gemm(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let (alpha, beta) = (node.float("alpha", 1.0), node.float("beta", 1.0));
    let [a_turned, b_turned] = ["transA", "transB"].map(|name| node.int(name, 0) != 0);
    let (a, b) = (g.input(node, 0), g.input(node, 1));
    let dy = g.whole_output(node, dy);
    let mut grads = vec![None; 3];
    if g.wants(&node.input[0]) {
        // One row of A for each row of the gradient: the product stays a `Gemm` with the same B.
        grads[0] = Some(if a.shape[0] == 1 && !a_turned {
            let attributes = [("alpha", alpha.into()), ("transB", i64::from(!b_turned).into())];
            g.emit("Gemm", &[&dy, &b], &attributes, a.shape.clone())
        } else {
            let dy = g.apart(&dy, &g.shape(&node.output[0]));
            let b = if b_turned { b.clone() } else { g.transpose(&b, &[1, 0]) };
            let da = product(g, &dy, &b);
            let da = g.scale(&da, alpha);
            let da = if a_turned { g.transpose(&da, &[0, 2, 1]) } else { da };
            g.settle(&da, &a.shape)
        });
    }
    if g.wants(&node.input[1]) {
        let dy = g.apart(&dy, &g.shape(&node.output[0]));
        let a = if a_turned { a } else { g.transpose(&a, &[1, 0]) };
        let db = product(g, &a, &dy);
        let db = g.scale(&db, alpha);
        let db = if b_turned { g.transpose(&db, &[0, 2, 1]) } else { db };
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
    let rank = a.shape.len().max(b.shape.len());
    let at = |s: &[usize], i: usize| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
    let mut shape: Vec<_> = (0..rank).map(|i| at(&a.shape, i).max(at(&b.shape, i))).collect();
    shape[rank - 2] = at(&a.shape, rank - 2);
    shape[rank - 1] = at(&b.shape, rank - 1);
    g.emit("MatMul", &[a, b], &[], shape)
}

/// `y = a · b        da = dy · bᵀ, db = aᵀ · dy`, over the last two axes; a vector is a matrix of one row or column
#[allow(clippy::unnecessary_wraps, reason = "a rule of the table")]
pub(super) fn matmul(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let [a, b, y] = [&node.input[0], &node.input[1], &node.output[0]].map(|name| g.forward(name));
    let dy = g.whole_output(node, dy);
    let dy = g.apart(&dy, &y.shape);
    let (row, column) = (a.shape.len() == 1, b.shape.len() == 1);
    let left = if row { g.reshape(&a, &[1, a.shape[0]]) } else { a.clone() };
    let right =
        if column { Value { shape: vec![b.shape[0], 1], ..g.reshape(&b, &[b.shape[0], 1]) } } else { b.clone() };
    let mut full = y.shape.clone();
    if row {
        full.insert(full.len() - usize::from(!column), 1);
    }
    full.extend(column.then_some(1));
    let dy = g.reshape(&dy, &[&[1], &full[..]].concat());
    let mut grads = vec![None, None];
    if g.wants(&node.input[0]) {
        grads[0] = Some(if right.shape.len() == 2 {
            // One product with the rows of all matrices under each other shares b with the forward pass.
            let (inner, outer) = (right.shape[0], right.shape[1]);
            let flat = g.reshape(&dy, &[1, outer]);
            let da = g.emit("Gemm", &[&flat, &right], &[("transB", 1.into())], vec![1, inner]);
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

/// The gradient of an operand of shape `x` whose leading axes were broadcast to those of `y`, in the shape `own`.
fn within(g: &mut Builder, dx: &Value, x: &[usize], y: &[usize], own: &[usize]) -> Value {
    let mut full = y.to_vec();
    let rank = full.len();
    full[rank - 2..].copy_from_slice(&x[x.len() - 2..]);
    let missing = rank - x.len();
    let repeated: Vec<_> =
        (0..rank - 2).filter(|&i| full[i] > 1 && (i < missing || x[i - missing] == 1)).map(|i| i + 1).collect();
    let dx = g.sum(dx, &repeated);
    g.settle(&dx, own)
}

/// `y = Σ over the letters that y lacks, of the product of all x        dxᵢ = the same sum of dy and all other x`
///
/// In dxᵢ, a letter that only xᵢ has is one along which the gradient is constant.
pub(super) fn einsum(g: &mut Builder, node: &NodeProto, dy: &Value) -> Grads {
    let equation: String = node.string("equation", "").chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = equation.split_once("->").unwrap_or((&equation, "?"));
    let terms: Vec<_> = left.split(',').collect();
    let ranks: Vec<_> = node.input.iter().map(|name| g.shape(name).len()).collect();
    if terms.len() != ranks.len() {
        return Err(unsupported(node, &format!("equation '{equation}' for {} operands", ranks.len())));
    }
    // "..." written out in capital letters; the rows of the gradient get a letter of their own.
    const ROWS: &str = "Z";
    let dots = "ABCDEFGH";
    let written = |term: &str, rank: usize| {
        let count = rank.saturating_sub(term.replace("...", "").len()).min(dots.len());
        term.replace("...", &dots[dots.len() - count..])
    };
    let terms: Vec<_> = terms.iter().zip(&ranks).map(|(term, &rank)| written(term, rank)).collect();
    let right = match right {
        "?" => {
            let all = terms.concat();
            let mut once: Vec<_> = all.chars().filter(|&c| all.matches(c).count() == 1 || c < 'a').collect();
            once.sort_unstable();
            once.dedup();
            once.into_iter().collect()
        }
        right => written(right, g.shape(&node.output[0]).len()),
    };
    let twice = |term: &str| term.chars().any(|c| term.matches(c).count() > 1);
    if terms.iter().any(|term| twice(term)) || equation.contains(|c: char| c.is_uppercase()) {
        return Err(unsupported(node, &format!("equation '{equation}' takes a diagonal or has capital letters")));
    }
    let y = g.shape(&node.output[0]);
    let dy = g.whole_output(node, dy);
    let dy = g.apart(&dy, &y);
    let shapes: Vec<_> = node.input.iter().map(|name| g.shape(name)).collect();
    let (terms, shapes) = (&terms, &shapes);
    let mut grads = Vec::new();
    for (i, name) in node.input.iter().enumerate() {
        if !g.wants(name) {
            grads.push(None);
            continue;
        }
        let x = g.shape(name);
        let others: Vec<_> = (0..terms.len()).filter(|&j| j != i).collect();
        // The size of a letter is the largest that an operand gives it; one of size 1 here was broadcast.
        let sizes = |c: char| {
            (0..terms.len()).filter_map(move |j| Some((j, terms[j].find(c)?))).map(|(j, at)| shapes[j][at]).max()
        };
        let broadcast = |c: char| x[terms[i].find(c).unwrap_or_default()] == 1 && sizes(c) > Some(1);
        let found = |c: char| (right.contains(c) || others.iter().any(|&j| terms[j].contains(c))) && !broadcast(c);
        let kept: String = terms[i].chars().filter(|&c| found(c)).collect();
        let inputs: Vec<_> = others.iter().map(|&j| terms[j].as_str()).collect();
        let equation =
            [vec![format!("{ROWS}{right}").as_str()], inputs].concat().join(",") + &format!("->{ROWS}{kept}");
        let values: Vec<_> = others.iter().map(|&j| g.input(node, j)).collect();
        let operands: Vec<_> = std::iter::once(&dy).chain(&values).collect();
        let size = |c: char| if found(c) { x[terms[i].find(c).unwrap_or_default()] } else { 1 };
        let shape = std::iter::once(1).chain(kept.chars().map(size)).collect();
        let dx = g.emit("Einsum", &operands, &[("equation", equation.as_str().into())], shape);
        let full: Vec<_> = std::iter::once(1).chain(terms[i].chars().map(size)).collect();
        let dx = g.reshape(&dx, &full);
        // A first axis of size 1 gives its place to the rows.
        let own = if x.first() == Some(&1) { [&[1], &full[2..]].concat() } else { full };
        grads.push(Some(g.reshape(&dx, &own)));
    }
    Ok(grads)
}
