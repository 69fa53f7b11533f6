//! The scripts that fetch weights.

use std::process::Command;

use tempfile::TempDir;

/// A weight file that asks for code to be run is refused before any of it runs.
#[test]
fn a_pickle_that_runs_code_is_refused() {
    let folder = TempDir::new().unwrap();
    let script = r"
import os, pickle, sys
sys.path.insert(0, 'scripts')
import convert_models
class Evil:
    def __reduce__(self):
        return os.system, ('touch ' + sys.argv[1],)
for read in (convert_models.read_numpy_pickle, convert_models.read_legacy_torch):
    try:
        read(pickle.dumps(Evil(), protocol=2))
    except pickle.UnpicklingError as error:
        assert 'refused' in str(error), error
    else:
        sys.exit('not refused')
";
    let victim = folder.path().join("victim");
    let mut python = Command::new("python3");
    assert!(
        python
            .args(["-B", "-c", script])
            .arg(&victim)
            .status()
            .unwrap()
            .success()
    );
    assert!(!victim.exists());
}
