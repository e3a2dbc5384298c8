//! The order of a run's system calls: what must be on the disk is there before what depends on it.

use crate::bench::{Bench, ZENLAYER};
use crate::judge::{Tally, events, report};
use crate::strace::{calls, sees};

#[test]
fn every_record_is_one_write_and_is_on_the_disk_before_its_order_or_its_verdict_is_told() {
    if !sees() {
        return;
    }
    let bench = Bench::new();
    let (calls, ran) = calls(&bench, None, ZENLAYER.order());
    report(&bench, ZENLAYER, &ran, &Tally::default());
    let lines: Vec<String> = calls.into_iter().map(|made| made.line).collect();
    let written = |line: &str| line.contains("write(") && line.contains(".jsonl>, \"{");
    assert_eq!(lines.iter().filter(|line| written(line)).count(), events(&bench).len(), "one write a record");

    // Whether every intent and verdict so far is on the disk, and whether the names of journal and claims are.
    let (mut synced, mut named, mut claims, mut orders, mut verdicts) = (true, false, 0, 0, 0);
    for line in &lines {
        if written(line) {
            // Records that nothing waits for are written behind it.
            synced &= !["order_intent", "verdict"].iter().any(|event| line.contains(event));
        } else if line.contains("fdatasync(") && line.contains(".jsonl>") {
            synced = true;
        } else if line.contains("fsync(") && line.contains("/state/reinstall/runs>") {
            named = true;
        } else if line.contains("link") && line.contains("/claims/") && !line.contains("unlink") {
            claims += 1;
        } else if line.contains("fsync(") && line.contains("/state/reinstall/claims>") {
            claims -= 1;
        }
        if ["action: ReinstallInstance", "action: ResetInstance"].iter().any(|call| line.contains(call)) {
            assert!(synced && named && claims == 0, "an order before its intent was on the disk: {line}");
            orders += 1;
        }
        if line.contains("write(2<") && line.contains("succeeded after") {
            assert!(synced, "a verdict was told before it was on the disk: {line}");
            verdicts += 1;
        }
    }
    let servers = ZENLAYER.servers.len();
    assert_eq!((orders, verdicts), (servers, servers));
}
