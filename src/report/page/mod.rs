//! `report.html`: one or several runs over the same photos.

mod choices;
mod data;
mod html;
mod part;
mod rows;
mod summary;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Error, Result, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::comparison::Comparison;
use super::pictures::pictures;
use crate::fs::{ensure_writable, write_atomically};
use crate::path_text;
use crate::progress::Progress;
use crate::remedy::Refused;
use crate::results::{FinishedRun, files};
use choices::choices;
use data::{Choice, Page, PageRun};

/// What a report shows, and where it is written.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// The file to write; `report.html` in the last run's folder where none is named.
    pub out: Option<PathBuf>,
    /// How many of the worst, best, random and other photos get pictures.
    pub photos: usize,
    /// How many photos are listed at most: those with pictures, and others at random.
    pub listed: usize,
}

/// A report that was written.
#[derive(Debug)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// How many photos it has.
    pub photos: usize,
    /// How many of them have pictures.
    pub with_pictures: usize,
    /// The file's size in bytes.
    pub bytes: usize,
    /// Links to the first photo of a group ("lost", "failed", "worst"), by the group's name.
    pub links: Vec<(&'static str, String)>,
    /// Why photos of a run have no layers: such a run cannot be repeated on this machine.
    pub without_layers: Vec<Error>,
}

/// Writes a report of one run, or of several over the same photos; the others are compared with the
/// first.
///
/// # Errors
/// When the runs were scored against different ground truth, or the file cannot be written.
///
/// # Panics
/// When there is no run.
pub fn report(
    runs: &[FinishedRun],
    options: &ReportOptions,
    progress: &dyn Progress,
) -> Result<Report> {
    ensure_same_truth(runs)?;
    let last = &runs[runs.len() - 1];
    let path = options
        .out
        .clone()
        .unwrap_or_else(|| last.folder.join(files::REPORT));
    ensure_writable(&path)?;
    let (page, without_layers) = assemble(runs, options, progress)?;
    let html = html::html(&page)?;
    write_atomically(&path, html.as_bytes())?;
    let with_pictures = page.runs.iter().map(|run| run.pictures.len()).max();
    Ok(Report {
        photos: last.dataset.photos.len(),
        with_pictures: with_pictures.unwrap_or(0),
        bytes: html.len(),
        links: links(&page, &path),
        path,
        without_layers,
    })
}

fn ensure_same_truth(runs: &[FinishedRun]) -> Result<()> {
    let truth = runs[0].dataset.sha256();
    if let Some(other) = runs.iter().find(|run| run.dataset.sha256() != truth) {
        let message = format!(
            "{} and {} were scored against other photos or other ground truth",
            runs[0].folder.display(),
            other.folder.display()
        );
        bail!(Refused::with_advice(message, "make a report of each"));
    }
    Ok(())
}

/// Puts together what the page shows, and makes pictures of some photos of each group. Also returns
/// why runs have no layers.
fn assemble<'a>(
    runs: &'a [FinishedRun],
    options: &ReportOptions,
    progress: &dyn Progress,
) -> Result<(Page<'a>, Vec<Error>)> {
    let dataset = &runs[0].dataset;
    let names = names(runs);
    let mut comparisons = Vec::new();
    for (run, name) in runs.iter().zip(&names).skip(1) {
        let compared = [names[0].clone(), name.clone()];
        let predictions = [&runs[0].predictions, &run.predictions];
        let comparison = Comparison::new(dataset, compared, predictions, None);
        comparisons.push(comparison?);
    }
    let mut shown: Vec<PageRun<'_>> = runs
        .iter()
        .zip(names)
        .map(|(run, name)| page_run(run, name))
        .collect();
    let choices = choices(dataset, &shown, &comparisons, options.photos);
    let mut places: Vec<usize> = choices
        .iter()
        .flat_map(|choice| choice.photos.clone())
        .collect();
    places.sort_unstable();
    places.dedup();
    let mut without_layers = Vec::new();
    for (run, page_run) in runs.iter().zip(&mut shown) {
        let (pictures, reason) = pictures(run, &places, progress);
        page_run.pictures = pictures;
        without_layers.extend(reason);
    }
    let mut page = Page {
        dataset: Cow::Borrowed(dataset),
        runs: shown,
        comparisons,
        choices,
        notes: Vec::new(),
    };
    page.keep(options.listed);
    Ok((page, without_layers))
}

/// A run as the page shows it, without pictures.
fn page_run(run: &FinishedRun, name: String) -> PageRun<'_> {
    let remarks = || run.remarks.iter().enumerate();
    PageRun {
        name,
        title: &run.options.pipeline.title,
        saliency: run
            .options
            .pipeline
            .saliency
            .as_ref()
            .map(ToString::to_string),
        summary: &run.summary,
        predictions: Cow::Borrowed(&run.predictions),
        outcomes: run.predictions.outcomes(&run.dataset),
        flags: remarks()
            .filter_map(|(i, remark)| Some((i, remark.flag?.name())))
            .collect(),
        messages: remarks()
            .filter_map(|(i, remark)| Some((i, remark.message.as_deref()?)))
            .collect(),
        failures: &run.failures,
        command: format!(
            "localise run --config {} --out NEW",
            shell_word(&run.folder.join(files::RUN))
        ),
        show: format!("localise show --run {}", shell_word(&run.folder)),
        manifest: &run.manifest,
        pictures: BTreeMap::new(),
    }
}

/// The runs' names: those of their folders where these differ, otherwise their paths.
fn names(runs: &[FinishedRun]) -> Vec<String> {
    let names: Vec<String> = runs.iter().map(FinishedRun::name).collect();
    let different = names.iter().collect::<HashSet<_>>().len() == names.len();
    if different {
        names
    } else {
        runs.iter()
            .map(|run| path_text::encode(&run.folder))
            .collect()
    }
}

/// Links to the first photo of the groups that matter most.
fn links(page: &Page<'_>, path: &Path) -> Vec<(&'static str, String)> {
    let link = |choice: &Choice| {
        let id = &page.dataset.photos[choice.photos[0]].id;
        (
            choice.name,
            format!("{}#photo={}", path_text::encode(path), url_fragment(id)),
        )
    };
    let important = ["lost", "failed", "worst"];
    let choice = |name| page.choices.iter().find(|choice| choice.name == name);
    important.into_iter().filter_map(choice).map(link).collect()
}

/// What a URL's fragment keeps as it is, besides letters and digits.
const FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/');

fn url_fragment(id: &str) -> String {
    utf8_percent_encode(id, FRAGMENT).to_string()
}

/// A path as a word of a shell command. One that is not a line of text is written in the shell's own
/// escapes, `$'...'`, in which `\xHH` is a byte.
fn shell_word(path: &Path) -> String {
    let text = path_text::encode(path);
    if path.to_str() == Some(text.as_str())
        && let Ok(quoted) = shlex::try_quote(&text)
    {
        return quoted.into_owned();
    }
    let bytes = path.as_os_str().as_encoded_bytes();
    let escaped: String = bytes.iter().map(|&byte| shell_escape(byte)).collect();
    format!("$'{escaped}'")
}

/// A byte between `$'` and `'`.
fn shell_escape(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_paths_survive_urls_and_shells() {
        let id = url_fragment("val/a b+c&d=e#f%41é.JPEG");
        assert_eq!(id, "val/a%20b%2Bc%26d%3De%23f%2541%C3%A9.JPEG");
        assert_eq!(shell_word("runs/a-1".as_ref()), "runs/a-1");
        let quoted = shell_word("it's".as_ref());
        assert_eq!(shlex::split(&quoted), Some(vec!["it's".to_owned()]));
        let bytes = path_text::decode(r"K\xE4 it's\x0A1\2");
        assert_eq!(shell_word(&bytes), r"$'K\xE4 it\'s\x0A1\\2'");
    }
}
