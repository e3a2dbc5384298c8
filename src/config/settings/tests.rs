use super::*;
use crate::config::sample::VENDORS;
use crate::config::schema;
use crate::model::Exit;

fn file(text: &str) -> ConfigFile {
    ConfigFile {
        path: PathBuf::from("/home/u/.config/reinstall/config.toml"),
        shown: "~/c.toml".to_owned(),
        origin: Origin::Default,
        document: schema::parse(text, "~/c.toml", VENDORS).expect("a good file"),
    }
}

fn environment<const N: usize>(variables: [(&str, &str); N]) -> Environment {
    Environment::fake(variables, Some(Path::new("/home/u")))
}

fn settle<const N: usize>(typed: &Typed, variables: [(&str, &str); N], text: &str) -> Result<Settings, ConfigError> {
    Settings::settle(typed, &environment(variables), Some(&file(text)))
}

#[test]
fn the_first_of_option_variable_profile_defaults_and_own_choice_wins() {
    let text = "[defaults]\ntimeout = '4s'\n[profiles.p]\ntimeout = '3s'";
    let bare = "";
    let typed = Typed { timeout: Some("1s".to_owned()), profile: Some("p".to_owned()), ..Typed::default() };
    let with_profile = Typed { profile: Some("p".to_owned()), ..Typed::default() };
    let none = Typed::default();
    let variable = [("REINSTALL_TIMEOUT", "2s")];
    let seconds = |settings: &Settings| settings.timeout.value.map(|timeout| timeout.as_secs());

    let settings = settle(&typed, variable, text).expect("settled");
    assert_eq!((seconds(&settings), settings.timeout.origin.to_string().as_str()), (Some(1), "option --timeout"));
    let settings = settle(&with_profile, variable, text).expect("settled");
    assert_eq!(settings.timeout.origin.to_string(), "variable REINSTALL_TIMEOUT");
    assert_eq!(seconds(&settings), Some(2));
    let settings = settle(&with_profile, [], text).expect("settled");
    assert_eq!(
        (seconds(&settings), settings.timeout.origin.to_string().as_str()),
        (Some(3), "~/c.toml:4 [profiles.p]")
    );
    let settings = settle(&none, [], text).expect("settled");
    assert_eq!((seconds(&settings), settings.timeout.origin.to_string().as_str()), (Some(4), "~/c.toml:2 [defaults]"));
    let settings = settle(&none, [], bare).expect("settled");
    assert_eq!((seconds(&settings), settings.timeout.origin.clone()), (None, Origin::Default));
}

#[test]
fn without_a_word_from_anybody_the_contracts_defaults_hold() {
    let settings = Settings::settle(&Typed::default(), &environment([]), None).expect("settled");
    assert_eq!(settings.state_dir.value, Path::new("/home/u/.local/state/reinstall"));
    assert_eq!(settings.profile.value, None);
    assert_eq!(settings.endpoint.value, None);
    assert_eq!(settings.power_off.value, PowerOff::Soft);
    assert_eq!(settings.power_on.value, PowerOn::Auto);
    assert_eq!(settings.start_window.value, Duration::from_secs(900));
    assert_eq!(settings.poll_interval.value, None);
    assert_eq!(settings.concurrency.value.get(), 10);
    assert_eq!(settings.max_failures.value.of(500), 1);
    assert_eq!(settings.output.value, Output::Human);
    assert_eq!(settings.verbosity.value, Verbosity::Normal);
    assert_eq!(settings.color.value, Color::Auto);
    for switch in [&settings.dry_run, &settings.no_wait, &settings.no_input, &settings.sandbox] {
        assert!(!switch.value);
    }
    assert!(settings.place().is_empty());
}

#[test]
fn every_option_has_exactly_one_row_and_its_variable_is_read() {
    let samples = [
        ("state-dir", "/var/lib/x"),
        ("profile", "p"),
        ("region", "r"),
        ("project", "j"),
        ("endpoint", "https://e.example.org"),
        ("power-off", "hard"),
        ("power-on", "never"),
        ("dry-run", "true"),
        ("no-wait", "1"),
        ("timeout", "1h"),
        ("reason", "because"),
        ("no-input", "yes"),
        ("start-window", "1m"),
        ("poll-interval", "500ms"),
        ("concurrency", "3"),
        ("max-failures", "20%"),
        ("output", "jsonl"),
        ("sandbox", "false"),
        ("verbose", "2"),
        ("quiet", "false"),
        ("color", "never"),
    ];
    for spec in OPTIONS.iter().filter(|spec| spec.name != "config") {
        let (_, value) = samples.iter().find(|(name, _)| *name == spec.name).expect(spec.name);
        let settings = settle(&Typed::default(), [(spec.variable, value)], "").expect(spec.name);
        let rows: Vec<_> = settings.rows().filter(|row| row.name == spec.name).collect();
        assert_eq!(rows.len(), 1, "{}", spec.name);
        assert_eq!(rows[0].value, *value, "{}", spec.name);
        assert_eq!(rows[0].origin, Origin::Variable(spec.variable.to_owned()));
        assert_eq!(settings.rows().count(), OPTIONS.len());
        assert!(settings.notices.is_empty());
    }
}

#[test]
fn a_typed_slip_exits_2_and_a_written_one_78() {
    let typed = Typed { concurrency: Some("0".to_owned()), ..Typed::default() };
    let fault = settle(&typed, [], "").expect_err("out of range");
    assert_eq!(fault.to_string(), "option --concurrency: `concurrency`: `0` is not a number from 1 to 1000");
    assert_eq!(fault.exit(), Exit::Usage);
    for (variables, text) in [
        ([("REINSTALL_DRY_RUN", "ture")], ""),
        ([("REINSTALL_POLL_INTERVAL", "0s")], ""),
        ([("REINSTALL_ENDPOINT", "http://api.example.org")], ""),
        ([("X", "")], "[defaults]\nmax_failures = 0"),
        ([("X", "")], "[defaults]\ntimeout = 90"),
        ([("X", "")], "[defaults]\nstate_dir = 'relative'"),
        ([("REINSTALL_STATE_DIR", "relative")], ""),
    ] {
        let fault = settle(&Typed::default(), variables, text).expect_err(text);
        assert_eq!(fault.exit(), Exit::Config, "{fault}");
    }
}

#[test]
fn an_endpoint_with_a_password_is_refused_and_not_shown() {
    let typed = Typed { endpoint: Some("https://user:hunter2@api.example.org".to_owned()), ..Typed::default() };
    let fault = settle(&typed, [], "").expect_err("refused");
    assert!(!format!("{fault} {fault:?} {}", fault.next_step()).contains("hunter2"), "{fault:?}");
}

#[test]
fn a_profile_that_is_not_there_is_a_slip_where_there_are_others() {
    let typed = Typed { profile: Some("prdo".to_owned()), ..Typed::default() };
    let fault = settle(&typed, [], "[profiles.prod]\n[profiles.test]").expect_err("unknown");
    assert_eq!(fault.to_string(), "option --profile: no profile `prdo` in ~/c.toml; did you mean `prod`?");
    assert_eq!(fault.exit(), Exit::Usage);
    assert_eq!(settle(&Typed::default(), [], "default_profile = 'x'").expect_err("unknown").exit(), Exit::Config);
    // Without profiles of ours the name is one of the provider's own files.
    let settings = settle(&typed, [], "[defaults]").expect("passed on");
    assert_eq!(settings.profile.value.as_deref(), Some("prdo"));
    assert!(!settings.profile_is_ours);
}

#[test]
fn the_default_profile_gives_way_to_a_named_one() {
    let text = "default_profile = 'a'\n[profiles.a]\nregion = 'ra'\n[profiles.b]\nregion = 'rb'";
    let region = |settings: Settings| settings.region.value.expect("named");
    assert_eq!(region(settle(&Typed::default(), [], text).expect("settled")), "ra");
    assert_eq!(region(settle(&Typed::default(), [("REINSTALL_PROFILE", "b")], text).expect("settled")), "rb");
}

#[test]
fn the_sandbox_takes_no_place_from_file_or_environment() {
    let text =
        "default_profile = 'a'\n[profiles.a]\nregion = 'ra'\nendpoint = 'https://real.example.org'\nconcurrency = 2";
    let typed = Typed { sandbox: Some(true), ..Typed::default() };
    let settings = settle(&typed, [("REINSTALL_PROJECT", "real")], text).expect("settled");
    assert_eq!(settings.region.value, None);
    assert_eq!(settings.project.value, None);
    assert_eq!(settings.endpoint.value, None);
    assert_eq!(settings.concurrency.value.get(), 2);
    assert_eq!(settings.poll_interval.value, Some(Duration::from_millis(300)));
    let typed = Typed { sandbox: Some(true), region: Some("r".to_owned()), ..Typed::default() };
    assert_eq!(settle(&typed, [], text).expect("settled").region.value.as_deref(), Some("r"));
    let typed = Typed { endpoint: Some("https://x.example.org".to_owned()), ..typed };
    assert_eq!(settle(&typed, [], text).expect_err("both").exit(), Exit::Usage);
}

#[test]
fn colour_follows_our_words_then_those_of_all_programs_then_the_file() {
    let always = "[defaults]\ncolor = 'always'";
    for (variables, text, expected) in [
        (vec![], "", Color::Auto),
        (vec![], always, Color::Always),
        (vec![("NO_COLOR", "1")], always, Color::Never),
        (vec![("NO_COLOR", "")], always, Color::Always),
        (vec![("NO_COLOR", "0")], "", Color::Never),
        (vec![("CLICOLOR_FORCE", "1")], "", Color::Always),
        (vec![("CLICOLOR_FORCE", "0")], "", Color::Auto),
        (vec![("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], "", Color::Never),
        (vec![("NO_COLOR", "1"), ("REINSTALL_COLOR", "always")], "", Color::Always),
    ] {
        let pairs = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let environment = Environment::of(pairs, Some(PathBuf::from("/home/u")));
        let settings = Settings::settle(&Typed::default(), &environment, Some(&file(text))).expect("settled");
        assert_eq!(settings.color.value, expected, "{variables:?} {text}");
    }
}

#[test]
fn the_nearest_of_verbose_and_quiet_decides_both() {
    let quiet_file = "[defaults]\nquiet = true";
    let verbose = Typed { verbose: 3, ..Typed::default() };
    let quiet = Typed { quiet: true, ..Typed::default() };
    let level = |settings: Result<Settings, ConfigError>| settings.expect("settled").verbosity.value;
    assert_eq!(level(settle(&verbose, [], quiet_file)), Verbosity::Debug);
    assert_eq!(level(settle(&quiet, [("REINSTALL_VERBOSE", "1")], "")), Verbosity::Quiet);
    assert_eq!(level(settle(&verbose, [("REINSTALL_QUIET", "1")], "")), Verbosity::Debug);
    assert_eq!(level(settle(&Typed::default(), [("REINSTALL_VERBOSE", "1")], quiet_file)), Verbosity::Verbose);
    assert_eq!(level(settle(&Typed::default(), [], quiet_file)), Verbosity::Quiet);
    let both = Typed { verbose: 1, quiet: true, ..Typed::default() };
    assert_eq!(settle(&both, [], "").expect_err("both").exit(), Exit::Usage);
}

#[test]
fn a_variable_that_is_not_read_is_told() {
    let variables = [("REINSTALL_YES", "1"), ("REINSTALL_POLL_INTERVL", "2s"), ("REINSTALL_EXPECT_COUNT", "3")];
    let notices = settle(&Typed::default(), variables, "").expect("settled").notices.join("\n");
    assert!(notices.contains("REINSTALL_YES is not read: what is wiped is said on the command line"), "{notices}");
    assert!(notices.contains("did you mean `REINSTALL_POLL_INTERVAL`?"), "{notices}");
    assert!(notices.contains("REINSTALL_EXPECT_COUNT is not read"), "{notices}");
}

#[test]
fn a_relative_folder_is_taken_from_the_command_line_alone_and_made_absolute() {
    let typed = Typed { state_dir: Some(PathBuf::from("journals")), ..Typed::default() };
    let settings = settle(&typed, [("REINSTALL_STATE_DIR", "/env")], "").expect("settled");
    assert!(settings.state_dir.value.is_absolute() && settings.state_dir.value.ends_with("journals"));
    let settings = settle(&Typed::default(), [], "[defaults]\nstate_dir = '~/j'").expect("settled");
    assert_eq!(settings.state_dir.value, Path::new("/home/u/j"));
    let homeless = Environment::fake([], None);
    assert_eq!(Settings::settle(&Typed::default(), &homeless, None).expect_err("no home"), ConfigError::NoStateDir);
}

#[test]
fn a_place_typed_again_is_the_same_place() {
    let text = "default_profile = 'a'\n[profiles.a]\nregion = 'ra'\n[profiles.a.acme]\nregion = 'racme'";
    let settings = settle(&Typed::default(), [("REINSTALL_PROJECT", "p")], text).expect("settled");
    let expected = [("profile", "a"), ("project", "p")];
    assert_eq!(settings.place(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let again = Typed { profile: Some("a".to_owned()), project: Some("p".to_owned()), ..Typed::default() };
    assert_eq!(settle(&again, [], text).expect("settled").place(), settings.place());
}
