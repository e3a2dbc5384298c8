//! The end of the help: examples and exit codes.

/// Shown behind the options. A test holds the codes against the enum.
pub(super) const AFTER: &str = "\
Examples:
  reinstall --sandbox --provider zenlayer --instance bmc-demo-1 --generate-password pw.jsonl
  reinstall --provider huawei-ecs --region eu-de --instance name=web-1 --ssh-key ops --dry-run
  reinstall --provider jdcloud --instance cps-1,cps-2 --password-file pw --expect-count 2 --yes -o json

Exit codes: 0 all succeeded; 1 failed, rejected or vanished; 2 usage; 3 timed out; 4 unverified;
5 skipped or not started; 6 credentials; 65 journal damaged; 69 unreachable; 70 bug; 74 output lost;
78 configuration; 130 and 143 stopped by a signal";
