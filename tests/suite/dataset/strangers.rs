//! What reads the files of strangers, on mutations of good files: see `fuzz/targets.rs`.

use std::fs;

use mutatis::check::Check;
use mutatis::mutators;

#[path = "../../../fuzz/targets.rs"]
mod targets;

/// Files like those of `fuzz/seeds`, changed here and there, are read or refused; nothing panics.
/// The seeds are those of the fuzzer, and what it has found.
#[test]
fn mutated_files_are_read_or_refused() {
    for (name, target) in targets::TARGETS {
        let mut seeds: Vec<_> = fs::read_dir(format!("fuzz/seeds/{name}"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        seeds.sort();
        let seeds: Vec<_> = seeds.iter().map(|path| fs::read(path).unwrap()).collect();
        let read = seeds.iter().filter(|seed| target(seed)).count();
        assert!(
            read > 0,
            "{name}: no seed is read, so mutations do not get far either"
        );
        let mutations = Check::new().seed(1).iters(500).run_with(
            mutators::default::<Vec<u8>>(),
            seeds,
            |bytes| {
                target(bytes);
                Ok::<(), String>(())
            },
        );
        if let Err(failure) = mutations {
            panic!("{name}: {failure}");
        }
    }
}
