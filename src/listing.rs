//! Names in messages: there may be thousands, and a message stays a line.

/// How many names a message shows.
const SHOWN: usize = 3;

/// The first three of some names, with `...` in place of the others.
pub(crate) fn first_few<S: Into<String>>(names: impl IntoIterator<Item = S>) -> String {
    let mut shown: Vec<String> = names.into_iter().take(SHOWN + 1).map(S::into).collect();
    if shown.len() > SHOWN {
        shown[SHOWN] = "...".into();
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::first_few;

    #[test]
    fn three_names_are_shown() {
        assert_eq!(first_few::<String>([]), "");
        assert_eq!(first_few(["a", "b", "c"]), "a, b, c");
        assert_eq!(first_few(["a", "b", "c", "d", "e"]), "a, b, c, ...");
    }
}
