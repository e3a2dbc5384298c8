//! Fault rules: which requests they mean, and what they do to them.

use super::machine::{Ending, Fate};
use super::{Injected, Operation, Route};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a rule does.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The connection is closed and nothing is carried out.
    CloseBefore,
    /// Carried out; the connection is closed without a byte.
    DropAnswer,
    /// Carried out; the connection is reset after so much of the answer.
    ResetAnswer(Cut),
    /// Carried out; the connection is closed after so much of the answer.
    Truncate(Cut),
    /// Carried out; silence after so much of the answer, the connection stays open.
    Stall(Cut),
    /// Carried out at once, answered after this time.
    Delay(Duration),
    /// Carried out; the answer comes one byte at a time, with this pause between two.
    Drip(Duration),
    /// Another answer than the vendor's.
    Foreign(Foreign),
    /// A refusal or failure in the vendor's words; nothing is carried out.
    Says(Injected, Option<u16>),
    /// Too many requests, with this `Retry-After` as it stands.
    Throttle(Option<String>),
    /// Carried out, yet answered with the vendor's internal failure.
    ServerErrorAfter(u16),
    /// The request arrives with the sandbox's clock this much ahead (behind if negative), in milliseconds.
    Skew(i64),
    /// The reinstall ends like this.
    Ends(Ending),
    /// The installing state never shows.
    HidesProgress,
    /// The old state shows for so long after acceptance.
    Stale(Duration),
    /// The reinstall takes so long.
    Lasts(Duration),
}

/// Where an answer breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// So many bytes arrive.
    pub bytes: usize,
    /// Counted from the first byte of the body; otherwise from the first byte of the status line.
    pub after_head: bool,
}

/// An answer that does not speak the vendor's format.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// What comes.
    pub answer: ForeignAnswer,
    /// Whether the request is carried out all the same.
    pub carried_out: bool,
}

/// Answers of proxies, portals and broken servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForeignAnswer {
    /// A redirect.
    Redirect {
        /// HTTP status.
        status: u16,
        /// `Location`.
        location: String,
    },
    /// A page for people.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// Bytes that are no text, called JSON.
    Garbage {
        /// HTTP status.
        status: u16,
    },
    /// A document of so many bytes.
    Huge {
        /// Size of the body.
        bytes: u64,
    },
    /// The vendor's answer under another content type.
    ContentType {
        /// The header's value.
        value: String,
    },
}

/// Rules of one axis exclude each other on one request; rules of different axes add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Clock,
    Answer,
    Ending,
    Progress,
    Stale,
    Duration,
}

impl Fault {
    fn axis(&self) -> Axis {
        match self {
            Self::Skew(_) => Axis::Clock,
            Self::Ends(_) => Axis::Ending,
            Self::HidesProgress => Axis::Progress,
            Self::Stale(_) => Axis::Stale,
            Self::Lasts(_) => Axis::Duration,
            _ => Axis::Answer,
        }
    }

    /// Whether it is about the life of a server and so belongs to reinstalls alone.
    pub fn is_of_life(&self) -> bool {
        !matches!(self.axis(), Axis::Clock | Axis::Answer)
    }

    fn shape(&self, fate: &mut Fate) {
        match self {
            Self::Ends(ending) => fate.ending = *ending,
            Self::HidesProgress => fate.shows_progress = false,
            Self::Stale(duration) => fate.stale = *duration,
            Self::Lasts(duration) => fate.duration = *duration,
            _ => {}
        }
    }

    /// The word of the control interface and the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::CloseBefore => "close_before",
            Self::DropAnswer => "drop_answer",
            Self::ResetAnswer(_) => "reset_answer",
            Self::Truncate(_) => "truncate",
            Self::Stall(_) => "stall",
            Self::Delay(_) => "delay",
            Self::Drip(_) => "drip",
            Self::Foreign(foreign) => match foreign.answer {
                ForeignAnswer::Redirect { .. } => "redirect",
                ForeignAnswer::Html { .. } => "html",
                ForeignAnswer::Garbage { .. } => "garbage",
                ForeignAnswer::Huge { .. } => "huge",
                ForeignAnswer::ContentType { .. } => "content_type",
            },
            Self::Says(Injected::Throttled, _) | Self::Throttle(_) => "throttle",
            Self::Says(Injected::Unauthorized, _) => "unauthorized",
            Self::Says(Injected::Forbidden, _) => "forbidden",
            Self::Says(Injected::WrongState, _) => "wrong_state",
            Self::Says(Injected::Invalid, _) => "invalid",
            Self::Says(Injected::NotFound, _) => "not_found",
            Self::Says(Injected::ServerError, _) => "server_error",
            Self::Says(Injected::NotSuccessful, _) => "not_successful",
            Self::ServerErrorAfter(_) => "server_error_after",
            Self::Skew(_) => "skew",
            Self::Ends(Ending::Failed) => "fail_install",
            Self::Ends(Ending::Stuck) => "stuck_install",
            Self::Ends(Ending::NeverStarts) => "never_start",
            Self::Ends(Ending::Off) => "ends_off",
            Self::Ends(Ending::Vanishes) => "vanish",
            Self::Ends(Ending::Good) => "ends_well",
            Self::HidesProgress => "no_progress_shown",
            Self::Stale(_) => "stale",
            Self::Lasts(_) => "slow_install",
        }
    }
}

/// One rule: which requests, how often, what happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The kind of call; `None` is any.
    pub operation: Option<Operation>,
    /// A product, or a vendor's name for all of its products; `None` is any.
    pub provider: Option<String>,
    /// A server that the request names; `None` is any.
    pub instance: Option<String>,
    /// So many matching requests pass first.
    pub after: u32,
    /// So often it happens.
    pub times: u32,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// A rule for the next request of any kind; one about the life of a server means reinstalls.
    pub fn new(fault: Fault) -> Self {
        let operation = fault.is_of_life().then_some(Operation::Reinstall);
        Self { operation, provider: None, instance: None, after: 0, times: 1, fault }
    }

    /// Only calls of this kind.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only requests that name this server.
    #[must_use]
    pub fn instance(mut self, id: &str) -> Self {
        self.instance = Some(id.to_owned());
        self
    }

    /// Only this product, or all products of this vendor.
    #[must_use]
    pub fn provider(mut self, name: &str) -> Self {
        self.provider = Some(name.to_owned());
        self
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub fn after(mut self, count: u32) -> Self {
        self.after = count;
        self
    }

    /// Happens so often.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = count;
        self
    }

    fn means(&self, route: &Route) -> bool {
        let provider = self.provider.as_deref().is_none_or(|name| {
            route.provider == name || route.provider.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        });
        provider
            && self.operation.is_none_or(|operation| operation == route.operation)
            && self.instance.as_ref().is_none_or(|id| route.servers.contains(id))
    }

    fn due(&self, progress: &mut Progress) -> bool {
        progress.matched += 1;
        let due = progress.matched > self.after;
        progress.fired += u32::from(due);
        due
    }
}

/// How far a rule has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Requests that it meant.
    pub matched: u32,
    /// How often it happened.
    pub fired: u32,
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
            Operation::Reinstall => route.servers.iter().map(|id| (id.clone(), Fate::default())).collect(),
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
                    None => rule.due(progress),
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
            if rule.fault.axis() == axis && progress.fired < rule.times && rule.means(route) && rule.due(progress) {
                return Some(rule.fault.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
