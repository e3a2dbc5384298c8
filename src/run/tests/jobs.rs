//! Without a ticket a look tells of the newest job that the server knows: it counts only if it is newer than the
//! baseline, and never as a good end.

use super::super::machine::Action;
use super::desk::Desk;
use super::observed;
use crate::model::{ApiError, HandleState, Observation, Verdict};

/// A look with this job as the newest one.
fn job(status: &str, number: &str, state: HandleState) -> Observation {
    let mut seen = observed(status);
    seen.marks.insert("job".to_owned(), number.to_owned());
    if state == HandleState::Failed {
        seen.error = Some(ApiError::local("action_failed", "no image".to_owned()));
    }
    seen.handle = Some(state);
    seen
}

/// One server whose order may have been taken, when job 5 was its newest and had failed.
fn doubtful() -> Desk {
    let mut desk = Desk::doubtful(1, "RUNNING");
    desk.prepared(0).must_change.insert("job".to_owned(), None);
    desk.target(0).baseline = Some(job("RUNNING", "5", HandleState::Failed));
    desk
}

/// Looks at this every five seconds, until a verdict or so often.
fn looks(desk: &mut Desk, from: u64, times: u64, seen: &Observation) -> Vec<Action> {
    let mut all = Vec::new();
    for number in 0..times {
        if desk.verdict(0).is_none() {
            all.extend(desk.here(from + number * 5_000, seen.clone()));
        }
    }
    all
}

#[test]
fn the_failure_of_an_older_job_is_not_that_of_this_order() {
    let mut desk = doubtful();
    looks(&mut desk, 5_000, 3, &job("INSTALLING", "5", HandleState::Failed));
    looks(&mut desk, 60_000, 10, &job("RUNNING", "5", HandleState::Failed));
    assert_eq!(desk.verdict(0), Some(Verdict::Succeeded));
}

#[test]
fn a_state_with_the_mark_of_before_the_order_needs_ten_looks_although_a_start_was_seen() {
    let marked = |status: &str, at: &str| {
        let mut seen = observed(status);
        seen.marks.insert("updated".to_owned(), at.to_owned());
        seen
    };
    for (mark, needed) in [("1", 10), ("3", 2)] {
        let mut desk = Desk::doubtful(1, "RUNNING");
        desk.prepared(0).must_change.insert("updated".to_owned(), None);
        desk.target(0).baseline = Some(marked("RUNNING", "1"));
        looks(&mut desk, 5_000, 1, &marked("INSTALLING", "2"));
        looks(&mut desk, 60_000, needed - 1, &marked("RUNNING", mark));
        assert_eq!(desk.verdict(0), None, "mark {mark}: {} looks", needed - 1);
        looks(&mut desk, 60_000 + (needed - 1) * 5_000, 1, &marked("RUNNING", mark));
        assert_eq!(desk.verdict(0), Some(Verdict::Succeeded), "mark {mark}");
    }
}

#[test]
fn a_newer_job_that_failed_is_a_failure_whatever_the_status_says() {
    for status in ["RUNNING", "STOPPED"] {
        let mut desk = doubtful();
        let seen = job(status, "6", HandleState::Failed);
        looks(&mut desk, 5_000, 1, &seen);
        assert_eq!(desk.verdict(0), None, "{status}: one look could be a late copy");
        looks(&mut desk, 10_000, 30, &seen);
        assert_eq!(desk.verdict(0), Some(Verdict::Failed), "{status}");
        assert_eq!(desk.error(0), ("action_failed".to_owned(), "no image".to_owned()));
    }
}

#[test]
fn while_a_newer_job_works_no_status_is_an_end() {
    let mut desk = doubtful();
    looks(&mut desk, 5_000, 30, &job("RUNNING", "6", HandleState::Working));
    assert_eq!(desk.verdict(0), None);
    looks(&mut desk, 200_000, 1, &job("RUNNING", "6", HandleState::Done));
    assert_eq!(desk.verdict(0), None, "its end is no proof by itself");
    looks(&mut desk, 205_000, 30, &job("RUNNING", "6", HandleState::Done));
    assert_eq!(desk.verdict(0), Some(Verdict::Succeeded));
}

#[test]
fn a_server_that_another_program_ordered_fails_by_its_job_once_it_was_seen_to_begin() {
    let mut desk = doubtful();
    desk.target(0).baseline = None;
    looks(&mut desk, 5_000, 3, &job("RUNNING", "5", HandleState::Failed));
    assert_eq!(desk.verdict(0), None, "nothing was seen to begin");
    looks(&mut desk, 30_000, 1, &observed("INSTALLING"));
    looks(&mut desk, 60_000, 5, &job("STOPPED", "6", HandleState::Failed));
    assert_eq!(desk.verdict(0), Some(Verdict::Failed));
}
