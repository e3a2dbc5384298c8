//! Limits that the shell sets: a journal that may not grow is a lost journal and no sudden death.

use crate::bench::{BMC, Bench, each, files};
use serde_json::Value;
use std::fs;
use std::process::{Command, Output};

const SERVERS: [&str; 2] = ["bmc-demo-1", "bmc-demo-3"];

/// Runs both servers where no file may grow beyond so many blocks of 512 bytes.
fn limited(bench: &Bench, blocks: usize) -> Output {
    let call = bench.command(&bench.order(BMC, &SERVERS, &[]));
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")]).arg(call.get_program());
    shell.args(call.get_args()).current_dir(bench.path("")).env_clear();
    shell.envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().expect("it runs");
    bench.artefacts().keep("out", &output.stdout);
    bench.artefacts().keep("err", &output.stderr);
    output
}

/// The only journal, as far as it was written.
fn journal(bench: &Bench) -> String {
    let mut all = files(&bench.state()).into_iter();
    let journal = all.find(|path| path.extension().is_some_and(|end| end == "jsonl"));
    journal.map(|path| fs::read_to_string(path).expect("a journal")).unwrap_or_default()
}

#[test]
fn a_limit_on_the_size_of_files_ends_no_run_without_a_word() {
    let bench = Bench::new();
    let output = limited(&bench, 4096);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let whole = journal(&bench).len() / 512;
    assert!(whole >= 8, "a journal of {whole} blocks");
    each(0..8, |eighths| {
        let blocks = whole * eighths / 8;
        let bench = Bench::new();
        let output = limited(&bench, blocks);
        // A signal would leave no code.
        assert_eq!(output.status.code(), Some(74), "{blocks} of {whole} blocks: {output:?}");
        let text = journal(&bench);
        for server in SERVERS {
            let intent = |line: &&str| line.contains("\"order_intent\"") && line.contains(server);
            let (intents, wiped) = (text.lines().filter(intent).count() as u64, bench.sandbox().wiped(server));
            assert!(wiped <= 1 && wiped <= intents, "{server}: {wiped} wipes, {intents} intents, {blocks} blocks");
        }
        // What was ordered is watched to its end and told all the same.
        if bench.sandbox().orders() > 0 {
            let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
            assert_eq!(report["counts"]["total"], SERVERS.len(), "{output:?}");
        }
    });
}
