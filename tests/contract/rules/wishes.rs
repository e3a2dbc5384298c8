//! Passwords, logins, fields: what may be wished, and that it arrives.

use crate::samples;
use crate::stage::Stage;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reinstall::client::Outcome;
use reinstall::model::{Choice, LoginWish, OrderSecrets, PasswordRule, Prepared, Record, Wish};
use reinstall::providers::{Field, FieldKind};
use reinstall::secret::{Reveal, Secret};
use reinstall::wire::WireRequest;

/// Orders with this password; `Err` is the product's own refusal, before anything was sent.
fn with_password(stage: &Stage, prepared: &Prepared, wish: &Wish, password: Secret) -> Result<Outcome, String> {
    stage.reset();
    let secrets = OrderSecrets { password: Some(password.shared()), ..OrderSecrets::default() };
    stage.product.check(wish, &secrets).map_err(|refusal| refusal.to_string())?;
    Ok(stage.order(prepared, &secrets))
}

fn taken(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

pub(crate) fn generated_passwords(stage: &Stage) {
    if !stage.facts().login.password {
        return;
    }
    let rule = &stage.facts().password;
    let wish = stage.wish();
    let (prepared, _) = stage.settled();
    // As short and as long as the rule lets them be, and some as they are by default.
    let short = PasswordRule { max: rule.min.max(4), ..*rule };
    let long = PasswordRule { min: rule.max, ..*rule };
    for rule_of in [&short, &long, rule, rule, rule, rule, rule, rule] {
        let password = rule_of.generate();
        assert_eq!(rule.check(&password), Ok(()));
        let length = password.expose().chars().count();
        let outcome = with_password(stage, &prepared, &wish, password).expect("the product's check");
        assert!(taken(&outcome), "a generated password of {length} characters came to {outcome:?}");
    }
    for _ in 0..2000 {
        let secrets = OrderSecrets { password: Some(rule.generate().shared()), ..OrderSecrets::default() };
        assert_eq!(stage.product.check(&wish, &secrets), Ok(()), "a generated password is refused by the product");
    }
}

pub(crate) fn special_characters(stage: &Stage) {
    if !stage.facts().login.password {
        return;
    }
    let rule = &stage.facts().password;
    let wish = stage.wish();
    let (prepared, _) = stage.settled();
    for special in rule.special.chars() {
        let password = Secret::from(format!("Kx4{special}pT7{special}mW2"));
        assert_eq!(rule.check(&password), Ok(()), "{special:?}");
        let outcome = with_password(stage, &prepared, &wish, password).expect("the product's check");
        assert!(taken(&outcome), "a password with {special:?} came to {outcome:?}");
    }
}

pub(crate) fn bad_passwords(stage: &Stage) {
    if !stage.facts().login.password {
        return;
    }
    let rule = &stage.facts().password;
    let (prepared, _) = stage.settled();
    let long = format!("Kx4{}", rule.safe_special).repeat(rule.max);
    let bad = [
        ("too short", long[..rule.min - 1].to_owned()),
        ("too long", long[..=rule.max].to_owned()),
        ("one class", "k".repeat(rule.min)),
        ("a blank", format!("Kx4{} pT7mW2", &rule.safe_special[..1])),
        ("a letter of another script", format!("Kx4{}pT7mWä", &rule.safe_special[..1])),
    ];
    for (why, password) in bad {
        let secret = Secret::from(password.clone());
        let fault = rule.check(&secret).expect_err(why).to_string();
        assert!(!fault.contains(&password), "{why}: the password is in the message");
        if !rule.enforced {
            continue;
        }
        stage.reset();
        let secrets = OrderSecrets { password: Some(secret.shared()), ..OrderSecrets::default() };
        let outcome = stage.order(&prepared, &secrets);
        assert!(matches!(outcome, Outcome::Rejected { .. }), "{why}: the emulator said {outcome:?}");
        assert_eq!(stage.reinstalls(&prepared.record.id), 0, "{why}");
    }
}

pub(crate) fn logins(stage: &Stage) {
    let facts = stage.facts().login;
    let keys = stage.block(stage.product.keys(&stage.client.patient())).expect("key pairs");
    let key = keys.first().map(|key| Choice::Id(key.id.clone()));
    assert!(!facts.key || key.is_some(), "takes a key pair, and the emulator has none");
    let record = stage.ready().remove(0);
    let kinds = [
        ("password", facts.password, Wish { login: LoginWish { password: true, none: false }, ..Wish::default() }),
        ("key", facts.key && !facts.password_always, Wish { key: key.clone(), ..Wish::default() }),
        (
            "password and key",
            facts.key && facts.password_always,
            Wish { key, login: LoginWish { password: true, none: false }, ..Wish::default() },
        ),
        ("none", facts.none, Wish { login: LoginWish { password: false, none: true }, ..Wish::default() }),
    ];
    for (kind, offered, wish) in kinds.into_iter().filter(|(_, offered, _)| *offered) {
        stage.reset();
        let secrets = stage.secrets(&wish);
        let settled = stage
            .product
            .check(&wish, &secrets)
            .and_then(|()| stage.prepare(&record, &wish))
            .map_err(|no| (no.kind, no.next_step));
        match settled {
            Ok(prepared) => {
                let outcome = stage.order(&prepared, &secrets);
                assert!(taken(&outcome), "login by {kind} ({offered}) came to {outcome:?}");
            }
            // What a login needs beside it can depend on the image.
            Err((_, next_step)) if kind == "none" => assert!(!next_step.is_empty()),
            Err(refusal) => panic!("login by {kind} is offered and refused: {refusal:?}"),
        }
    }
}

pub(crate) fn user_data(stage: &Stage) {
    let record = stage.ready().remove(0);
    let Some(most) = stage.facts().user_data else { return };
    let wish = Wish { user_data: true, ..stage.wish() };
    let prepared = stage.prepare(&record, &wish).expect("it is prepared");
    for (size, good) in [(40, true), (most, true), (most + most / 2, false)] {
        stage.reset();
        let text = format!("#!/bin/sh\n{}", "x".repeat(size - 10));
        let mut secrets = stage.secrets(&wish);
        secrets.user_data = Some(Secret::from(text).shared());
        let outcome = stage.order(&prepared, &secrets);
        assert_eq!(taken(&outcome), good, "user data of {size} bytes came to {outcome:?}");
    }
}

/// Kinds of orders in which a field may make sense.
fn variants(stage: &Stage, record: &Record) -> Vec<Wish> {
    let plain = stage.wish();
    let keys = stage.block(stage.product.keys(&stage.client.patient())).expect("key pairs");
    let images = stage.block(stage.product.images(&stage.client.patient(), Some(record))).expect("images");
    let mut all = vec![plain.clone()];
    if let Some(key) = keys.first().filter(|_| stage.facts().login.key) {
        let login = LoginWish { password: stage.facts().login.password_always, none: false };
        all.push(Wish { key: Some(Choice::Id(key.id.clone())), login, ..plain.clone() });
    }
    let other = |image: &&reinstall::model::Image| record.seen.image.as_deref() != Some(&image.id);
    for image in images.iter().filter(other) {
        all.push(Wish { image: Some(Choice::Id(image.id.clone())), ..plain.clone() });
    }
    if stage.facts().keep_data {
        all.push(Wish { keep_data: Some(false), ..plain });
    }
    all
}

fn whole(request: &WireRequest) -> String {
    let mut text = format!("{} {} ", request.url, String::from_utf8_lossy(&request.body));
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {} ", String::from_utf8_lossy(value.as_bytes())));
    }
    text
}

pub(crate) fn fields(stage: &Stage) {
    let record = stage.ready().remove(0);
    let mut variants = variants(stage, &record);
    // Only kinds of orders that are good without the field tell something of it.
    variants.retain(|wish| {
        stage.reset();
        let prepared = stage.prepare(&record, wish);
        prepared.is_ok_and(|prepared| taken(&stage.order(&prepared, &stage.secrets(wish))))
    });
    for field in stage.entry.fields {
        let values = samples::values(field, &record);
        assert!(!values.is_empty(), "no sample value for `{}`: add one to samples.rs", field.name);
        let mut taken_once = false;
        let mut refusals = Vec::new();
        for wish in variants.iter().flat_map(|wish| values.iter().map(move |value| (wish, value))) {
            match one_field(stage, &record, field, wish.0, wish.1) {
                Ok(()) => taken_once = true,
                Err(refusal) => refusals.push(refusal),
            }
        }
        assert!(taken_once, "`{}` is taken by no kind of order: {refusals:?}", field.name);
    }
}

/// One field in one kind of order. `Err` is a refusal with its reason; anything wrong panics.
fn one_field(
    stage: &Stage,
    record: &Record,
    field: &Field,
    wish: &Wish,
    value: &serde_json::Value,
) -> Result<(), String> {
    stage.reset();
    let mut wish = wish.clone();
    let mut secrets = stage.secrets(&wish);
    let secret = field.kind == FieldKind::Secret;
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if secret {
        secrets.fields.insert(field.name.to_owned(), Secret::from(shown.clone()).shared());
    } else {
        wish.fields.insert(field.name.to_owned(), value.clone());
    }
    let settled = stage.product.check(&wish, &secrets).and_then(|()| stage.prepare(record, &wish));
    let prepared = settled.map_err(|refusal| {
        assert!(!refusal.message.is_empty() && !refusal.next_step.is_empty(), "{}: {refusal:?}", field.name);
        refusal.message
    })?;
    // A field may go out with the call before the order.
    let mut real = whole(&stage.request(&prepared, &secrets, Reveal::Real));
    real.extend(stage.product.arrange(&prepared).iter().map(whole));
    let named = real.contains(&format!("\"{}\"", field.name)) || real.contains(&format!("{}=", field.name));
    let encoded = STANDARD.encode(&shown);
    let there =
        real.contains(&shown) || (secret && real.contains(&encoded)) || (named && field.kind == FieldKind::Flag);
    assert!(there, "`{}` = {shown} was settled and is not in the request", field.name);
    if secret {
        let masked = whole(&stage.request(&prepared, &secrets, Reveal::Masked));
        assert!(!masked.contains(&shown) && !masked.contains(&encoded), "`{}` is shown", field.name);
    }
    let outcome = stage.order(&prepared, &secrets);
    assert!(taken(&outcome), "`{}` = {shown} came to {outcome:?}", field.name);
    Ok(())
}
