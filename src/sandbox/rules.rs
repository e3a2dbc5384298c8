//! The fault rules in force: what befalls a request, counted down.

use super::faults::{Axis, Fault, Rule};
use super::machine::Fate;
use super::{Operation, Route};
use serde::Serialize;
use std::collections::BTreeMap;

/// How far a rule has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Progress {
    /// Requests that it meant.
    pub(super) matched: u32,
    /// How often it happened.
    pub(super) fired: u32,
}

impl Progress {
    /// Counts one request that the rule means, and tells whether it happens now.
    fn due(&mut self, after: u32) -> bool {
        self.matched += 1;
        let due = self.matched > after;
        self.fired += u32::from(due);
        due
    }
}

/// What befalls one request.
#[derive(Debug, Default)]
pub(super) struct Hit {
    /// What happens to the call and its answer.
    pub(super) answer: Option<Fault>,
    /// What a reinstall will come to, for each server that it names.
    pub(super) fates: Vec<(String, Fate)>,
    /// Words of everything that applies, for the log.
    pub(super) words: Vec<&'static str>,
}

/// All rules in force, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(Rule, Progress)>);

impl Rules {
    /// Adds a rule behind the others.
    pub(super) fn add(&mut self, rule: Rule) {
        self.0.push((rule, Progress::default()));
    }

    /// Forgets all rules.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Every rule with its progress, spent ones too.
    pub(super) fn all(&self) -> &[(Rule, Progress)] {
        &self.0
    }

    /// How much the clock is off for this request, in milliseconds. Asked before the signature is checked.
    pub(super) fn skew(&mut self, route: &Route) -> Option<i64> {
        match self.fire(route, Axis::Clock) {
            Some(Fault::Skew(milliseconds)) => Some(milliseconds),
            _ => None,
        }
    }

    /// Counts down what applies to this request: at most one rule of each axis, the first that is due.
    /// A rule about the life of one server of a batch touches that server alone.
    pub(super) fn hit(&mut self, route: &Route) -> Hit {
        let answer = self.fire(route, Axis::Answer);
        let mut words: Vec<_> = answer.iter().map(Fault::word).collect();
        let mut fates: Vec<_> = match route.operation {
            // An order that is never carried out leaves the rules about its end for the one that is.
            Operation::Reinstall if answer.as_ref().is_none_or(Fault::carries_out) => {
                route.servers.iter().map(|id| (id.clone(), Fate::default())).collect()
            }
            _ => Vec::new(),
        };
        for axis in [Axis::Ending, Axis::Progress, Axis::Stale, Axis::Duration] {
            self.befall(route, axis, &mut fates, &mut words);
        }
        Hit { answer, fates, words }
    }

    fn befall(&mut self, route: &Route, axis: Axis, fates: &mut [(String, Fate)], words: &mut Vec<&'static str>) {
        // A rule that names no server is counted once a request, however many servers there are.
        let mut common: BTreeMap<usize, bool> = BTreeMap::new();
        for (id, fate) in fates {
            for (place, (rule, progress)) in self.0.iter_mut().enumerate() {
                if rule.fault.axis() != axis
                    || !rule.means(route)
                    || rule.instance.as_ref().is_some_and(|own| own != id)
                {
                    continue;
                }
                let due = match common.get(&place) {
                    Some(&due) => due,
                    None if progress.fired >= rule.times => continue,
                    None => progress.due(rule.after),
                };
                if rule.instance.is_none() {
                    common.insert(place, due);
                }
                if due {
                    rule.fault.shape(fate);
                    if !words.contains(&rule.fault.word()) {
                        words.push(rule.fault.word());
                    }
                    break;
                }
            }
        }
    }

    fn fire(&mut self, route: &Route, axis: Axis) -> Option<Fault> {
        for (rule, progress) in &mut self.0 {
            if rule.fault.axis() == axis && progress.fired < rule.times && rule.means(route) && progress.due(rule.after)
            {
                return Some(rule.fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::machine::Ending;
    use std::time::Duration;

    fn route(provider: &'static str, operation: Operation, servers: &[&str]) -> Route {
        let servers = servers.iter().map(|&id| id.to_owned()).collect();
        Route { provider, operation, action: "Test".to_owned(), servers }
    }

    #[test]
    fn the_first_due_rule_wins_and_is_counted_down() {
        let mut rules = Rules::default();
        rules.add(Rule::new(Fault::DropAnswer).on(Operation::Reinstall).after(1));
        rules.add(Rule::new(Fault::CloseBefore).times(2));
        let order = route("acme-metal", Operation::Reinstall, &["a"]);
        let mut fired = || rules.hit(&order).words.first().copied();
        assert_eq!(fired(), Some("close_before"));
        assert_eq!(fired(), Some("drop_answer"));
        assert_eq!(fired(), Some("close_before"));
        assert_eq!(fired(), None);
    }

    #[test]
    fn a_rule_means_only_what_it_names() {
        let rule = Rule::new(Fault::DropAnswer).on(Operation::Stop).provider("acme").instance("a");
        assert!(rule.means(&route("acme-metal", Operation::Stop, &["b", "a"])));
        assert!(rule.means(&route("acme", Operation::Stop, &["a"])));
        assert!(!rule.means(&route("acmetal", Operation::Stop, &["a"])));
        assert!(!rule.means(&route("acme-metal", Operation::Start, &["a"])));
        assert!(!rule.means(&route("acme-metal", Operation::Stop, &["b"])));
    }

    #[test]
    fn a_lost_answer_and_a_bad_end_can_meet_in_one_order() {
        let mut rules = Rules::default();
        rules.add(Rule::new(Fault::Ends(Ending::Failed)));
        rules.add(Rule::new(Fault::Ends(Ending::Stuck)));
        rules.add(Rule::new(Fault::Stale(Duration::from_secs(9))));
        rules.add(Rule::new(Fault::DropAnswer));
        let order = route("acme-metal", Operation::Reinstall, &["a"]);
        let hit = rules.hit(&order);
        assert_eq!(hit.words, ["drop_answer", "fail_install", "stale"]);
        assert_eq!((hit.fates[0].1.ending, hit.fates[0].1.stale), (Ending::Failed, Duration::from_secs(9)));
        assert_eq!(rules.hit(&order).words, ["stuck_install"]);
    }

    #[test]
    fn a_refused_order_leaves_the_bad_end_for_the_next_one() {
        let mut rules = Rules::default();
        rules.add(Rule::new(Fault::Throttle(None)));
        rules.add(Rule::new(Fault::Ends(Ending::Failed)));
        let order = route("acme-metal", Operation::Reinstall, &["a"]);
        assert_eq!(rules.hit(&order).words, ["throttle"]);
        assert_eq!(rules.hit(&order).words, ["fail_install"]);
    }

    #[test]
    fn in_a_batch_each_server_meets_its_own_fate() {
        let mut rules = Rules::default();
        rules.add(Rule::new(Fault::Ends(Ending::Failed)).instance("b"));
        rules.add(Rule::new(Fault::Ends(Ending::Stuck)).instance("c"));
        rules.add(Rule::new(Fault::Ends(Ending::Off)));
        let batch = route("acme-metal", Operation::Reinstall, &["a", "b", "c", "d"]);
        let endings = |hit: Hit| hit.fates.iter().map(|(_, fate)| fate.ending).collect::<Vec<_>>();
        assert_eq!(endings(rules.hit(&batch)), [Ending::Off, Ending::Failed, Ending::Stuck, Ending::Off]);
        assert_eq!(endings(rules.hit(&batch)), [Ending::Good; 4], "a rule without a server counts once a request");
    }

    #[test]
    fn a_read_does_not_use_up_what_awaits_a_reinstall() {
        let mut rules = Rules::default();
        rules.add(Rule::new(Fault::Ends(Ending::Failed)));
        let hit = rules.hit(&route("acme-metal", Operation::Read, &["a"]));
        assert!(hit.words.is_empty() && hit.fates.is_empty());
        assert_eq!(rules.all()[0].1, Progress::default());
    }
}
