//! Names that are not known are answered with the nearest one that is.

/// "no method is called guidedd, the nearest is guided"
pub(crate) fn none_called<'a>(
    kind: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
) -> String {
    let near =
        nearest(name, known).map_or(String::new(), |near| format!(", the nearest is {near}"));
    format!("no {kind} is called {name}{near}")
}

/// The candidate whose spelling is most like `name`, if any is similar.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let similar = candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.7);
    similar
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
