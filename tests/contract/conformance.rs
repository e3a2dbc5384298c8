//! Every rule, for every product of the registry. A new product is held to all of them by being registered.

use crate::rules::{answers, arrange, flow, looks, orders, power, sending, wishes};
use crate::stage::Stage;
use reinstall::providers::entries;
use std::any::Any;

/// Runs a rule for every product at the same time, since it mostly waits, and tells of each that breaks it.
fn hold(sentence: &str, rule: fn(&Stage)) {
    let broken: Vec<String> = std::thread::scope(|scope| {
        let stages: Vec<_> = entries()
            .map(|(vendor, entry)| (entry.id, scope.spawn(move || rule(&Stage::new(vendor, entry)))))
            .collect();
        stages.into_iter().filter_map(|(id, stage)| Some(format!("{id}: {}", why(stage.join().err()?)))).collect()
    });
    assert!(broken.is_empty(), "{sentence}.\nBroken by {}:\n{}", broken.len(), broken.join("\n"));
}

fn why(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

macro_rules! rules {
    ($($name:ident: $sentence:literal => $rule:path,)*) => {
        $(#[test]
        fn $name() {
            hold($sentence, $rule);
        })*
    };
}

rules! {
    every_request_is_signed:
        "Every request of a whole run carries a signature that the emulator accepts" => sending::every_request_is_signed,
    a_tampered_signature_is_refused:
        "A changed signature or a changed body is refused, and nothing is reinstalled" => sending::a_tampered_signature_is_refused,
    throttling_is_unsent_and_tried_three_times:
        "A throttled order is unsent, tried under three permits at most, and then not started" => sending::throttling,
    refused_credentials_end_the_run:
        "Refused credentials are told as such, and no further order follows" => sending::refused_credentials,
    reads_are_repeated_and_orders_are_not:
        "A failed read is repeated with backoff; a failed order is sent once" => sending::reads_are_repeated_and_orders_are_not,
    a_stale_clock_is_corrected_once:
        "A refused signature time is corrected from the answer's date, and the order then goes through" => sending::clock_skew,
    a_run_ends_succeeded_with_a_proof:
        "Plan, order and watch reach `succeeded` with a proof after exactly one reinstall" => flow::succeeds,
    a_lost_answer_is_not_sent_twice:
        "An order whose answer is lost is never carried out twice; only under one token may it be repeated" => flow::lost_answer,
    a_failed_install_is_failed_after_two_looks:
        "A failed install ends `failed` after two looks, or one of its own job" => flow::failed_install,
    an_order_that_never_starts_is_no_success:
        "An accepted order that never starts is never `succeeded`" => flow::never_starts,
    a_running_server_is_stopped_or_refused:
        "A running server is stopped first where the product demands it, and refused under `--power-off never`" => flow::power_before,
    a_server_that_ends_off_is_started:
        "A server that ends its reinstall powered off is started, or left off and said so" => flow::ends_off,
    a_spoilt_answer_to_a_stop_is_no_refusal:
        "A stop whose answer is lost or unreadable is looked after, and the order follows it" => power::stops,
    a_spoilt_answer_to_a_start_is_no_failure:
        "A start whose answer is lost or unreadable is looked after, and the server ends running" => power::starts,
    a_vanished_server_is_told_as_such:
        "A server that vanishes from the provider's lists ends `vanished` and is not ordered again" => flow::vanishes,
    request_ids_are_reported:
        "The provider's request id is reported for orders that were taken and for those that were refused" => flow::request_ids,
    an_order_names_at_most_its_batch:
        "One call orders at most `order_batch` servers, and that many where it can" => orders::batches,
    the_same_order_gives_the_same_bytes:
        "Building an order twice gives the same bytes" => orders::is_pure,
    a_masked_order_holds_no_secret:
        "A masked order holds no secret in any encoding" => orders::masked_holds_no_secret,
    a_dry_run_shows_the_real_body_but_for_secrets:
        "A masked body equals the real one but for secrets" => orders::masked_is_the_real_one,
    admission_agrees_with_the_emulator:
        "What is admitted is taken by the emulator as it is, and what must be stopped first is refused by it" => orders::admission,
    generated_passwords_pass_everywhere:
        "Generated passwords of every length pass the product's checks and the emulator's" => wishes::generated_passwords,
    passwords_that_pass_the_rule_are_taken:
        "Every special character that the rule lets through is taken by the emulator" => wishes::special_characters,
    bad_passwords_are_refused_by_both:
        "What breaks the rule's length is refused by the emulator too" => wishes::bad_passwords,
    every_field_reaches_the_order:
        "Every field for --set reaches the request in some kind of order, or is refused with a reason" => wishes::fields,
    logins_are_as_the_facts_say:
        "Each login that the facts offer is taken by the emulator" => wishes::logins,
    user_data_arrives_where_it_is_offered:
        "User data is sent where the facts offer it" => wishes::user_data,
    every_look_has_one_entry_for_each_server:
        "A look tells of each server once: unknown ones are absent, 100 and more in one request each" => looks::one_entry_each,
    a_question_about_no_server_is_never_sent:
        "Nobody to look at and nobody to find makes no request at all" => looks::nobody,
    unheard_of_states_stay_unknown:
        "A state that no document explains stays unknown: it is shown and never admitted" => looks::unknown_states,
    references_find_the_server:
        "A server is found by its id, its name and its address, and strangers are not" => looks::references,
    spoilt_answers_to_orders_are_maybe:
        "A truncated, foreign, garbled or huge answer to an order is `maybe`, never a verdict" => answers::orders,
    spoilt_answers_to_reads_are_faults:
        "A truncated, foreign, garbled or huge answer to a read is a fault, never a state" => answers::reads,
    an_order_never_rests_on_a_doubtful_call_before_it:
        "A lost, spoilt or failing answer to the call before an order leaves no order; it comes again" => arrange::doubts,
    a_refused_call_before_an_order_is_the_end:
        "A refused call before an order is told as such, and no order follows" => arrange::refusals,
    a_changed_record_is_rolled_forward:
        "After a refused order the changed record is told, and the next run goes on from it" => arrange::rolled_forward,
    redirects_are_never_followed:
        "A redirect is not followed, and no further order follows it" => answers::redirects,
}
