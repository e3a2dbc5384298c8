//! Where credentials, region and project are read: variables first, then the files of other tools.
//!
//! Sources: the SDKs' and Terraform providers' environment variables, `clouds.yaml` of the OpenStack tools.

use super::endpoints::{is_ours, name_in_host};
use super::files::{CLOUDS, SDK_FILE, SYSTEM_CLOUDS, clouds, sdk_file};
use crate::providers::{Found, SetupError, Sources};
use crate::secret::Secret;
use crate::sign::keystone::{Credentials, Domain, Scope, User};

const NEXT_STEP: &str = "set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK";

/// Key pairs in variables: id, secret, security token; ours first.
const KEYS: [(&str, &str, &str, Family); 5] = [
    ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN", Family::Huawei),
    ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", Family::Huawei),
    ("OS_ACCESS_KEY", "OS_SECRET_KEY", "OS_SECURITY_TOKEN", Family::OpenStack),
    ("OS_ACCESS_KEY_ID", "OS_ACCESS_KEY_SECRET", "OS_SECURITY_TOKEN", Family::OpenStack),
    ("OS_AK", "OS_SK", "OS_SECURITY_TOKEN", Family::OpenStack),
];

/// Tokens in variables.
const TOKENS: [(&str, Family); 3] =
    [("OS_TOKEN", Family::OpenStack), ("OS_AUTH_TOKEN", Family::OpenStack), ("HW_AUTH_TOKEN", Family::Huawei)];

/// Which tool's variables the credentials came from: `OS_*` may belong to quite another cloud, so those are
/// read together or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Huawei,
    OpenStack,
    File,
}

/// What proves who is calling.
pub(super) enum Proof {
    /// Access key; the security token makes it a temporary one.
    Key { id: String, secret: Secret, token: Option<Secret> },
    /// User and password: a token is obtained with them. The scope is settled later.
    Password { user: User, password: Secret },
    /// A token that was obtained elsewhere.
    Ready(Secret),
}

/// Everything that is read before the first request.
pub(super) struct Settings {
    pub(super) proof: Proof,
    pub(super) identity: Option<Found>,
    pub(super) region: Option<String>,
    pub(super) project: Option<String>,
    pub(super) project_name: Option<String>,
    pub(super) origins: Vec<(&'static str, String)>,
}

/// What a cloud of `clouds.yaml` or the SDKs' file adds to its credentials.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) identity: Option<Found>,
    pub(super) region: Option<Found>,
    pub(super) project: Option<Found>,
    pub(super) project_name: Option<Found>,
}

/// Credentials with what came beside them.
pub(super) struct Read {
    pub(super) proof: Proof,
    pub(super) family: Family,
    pub(super) beside: Beside,
    pub(super) origins: Vec<(&'static str, String)>,
}

/// Reads credentials and settings.
///
/// # Errors
/// `NoCredentials` with everything that was looked at, `BadCredentials` for half a pair or an unreadable file,
/// `BadSetting` for a region or project that cannot be one.
pub(super) fn settle(sources: &dyn Sources) -> Result<Settings, SetupError> {
    let Read { proof, family, beside, mut origins } = find(sources)?;
    let openstack = |names: &[&str]| match family {
        Family::OpenStack => names.iter().find_map(|name| sources.variable(name)),
        _ => None,
    };
    let huawei = |name: &str| match family {
        Family::Huawei => sources.variable(name),
        _ => None,
    };
    let project_name =
        beside.project_name.or_else(|| huawei("HW_PROJECT_NAME")).or_else(|| openstack(&["OS_PROJECT_NAME"]));
    let region = sources
        .setting("region")
        .or_else(|| sources.variable("HUAWEICLOUD_REGION"))
        .or_else(|| sources.variable("HW_REGION_NAME"))
        .or_else(|| openstack(&["OS_REGION_NAME"]))
        .or(beside.region)
        .or_else(|| region_of_project(project_name.as_ref()?));
    let project = sources
        .setting("project")
        .or_else(|| sources.variable("HUAWEICLOUD_SDK_PROJECT_ID"))
        .or_else(|| sources.variable("HW_PROJECT_ID"))
        .or_else(|| openstack(&["OS_PROJECT_ID", "OS_TENANT_ID"]))
        .or(beside.project);
    let identity = huawei("HW_AUTH_URL").or_else(|| openstack(&["OS_AUTH_URL"])).or(beside.identity);
    if let Some(found) = identity.as_ref().filter(|_| sources.endpoint().is_none() && family != Family::Huawei) {
        let own = sources.variable("HW_CLOUD");
        if !matches!(proof, Proof::Key { .. }) && !is_ours(found, own.as_ref()) {
            return Err(SetupError::NoCredentials {
                vendor: "huawei",
                looked: format!("{}, which leads to a cloud of another vendor", found.origin),
                next_step: format!("{NEXT_STEP}; for a cloud of your own set HW_CLOUD to its domain"),
            });
        }
    }
    for (name, found) in [("region", &region), ("project", &project), ("identity endpoint", &identity)] {
        if let Some(found) = found {
            origins.push((name, found.origin.clone()));
        }
    }
    Ok(Settings {
        proof,
        identity,
        region: region.as_ref().map(name_in_host).transpose()?,
        project: project.as_ref().map(project_id).transpose()?,
        project_name: project_name.map(|found| found.value.expose().to_owned()),
        origins,
    })
}

/// A project is named after its region, with `_name` behind it for further ones.
fn region_of_project(name: &Found) -> Option<Found> {
    let text = name.value.expose();
    let region = text.split('_').next().filter(|region| region.contains('-'))?;
    Some(Found { value: Secret::from(region.to_owned()), origin: name.origin.clone() })
}

fn project_id(found: &Found) -> Result<String, SetupError> {
    let text = found.value.expose().trim();
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(SetupError::BadSetting {
            origin: found.origin.clone(),
            problem: "a project id has only letters, digits and `-`; it is not the project's name".to_owned(),
        });
    }
    Ok(text.to_owned())
}

/// A fault of credentials; the problem never quotes a value.
pub(super) fn bad(origin: &str, problem: impl Into<String>) -> SetupError {
    SetupError::BadCredentials { origin: origin.to_owned(), problem: problem.into(), next_step: NEXT_STEP.to_owned() }
}

fn find(sources: &dyn Sources) -> Result<Read, SetupError> {
    for (id, secret, token, family) in KEYS {
        match (sources.variable(id), sources.variable(secret)) {
            (Some(id), Some(secret)) => return key(id, secret, sources.variable(token), family),
            (None, None) => {}
            (Some(found), None) => return Err(bad(&found.origin, format!("{secret} is missing"))),
            (None, Some(found)) => return Err(bad(&found.origin, format!("{id} is missing"))),
        }
    }
    if let Some(read) = passwords(sources)? {
        return Ok(read);
    }
    for (name, family) in TOKENS {
        if let Some(found) = sources.variable(name) {
            return token(found, family);
        }
    }
    if let Some(read) = clouds(sources)? {
        return Ok(read);
    }
    if let Some(read) = sdk_file(sources)? {
        return Ok(read);
    }
    let pairs: Vec<String> = KEYS.iter().map(|(id, secret, ..)| format!("{id}/{secret}")).collect();
    let tokens: Vec<&str> = TOKENS.iter().map(|(name, _)| *name).collect();
    Err(SetupError::NoCredentials {
        vendor: "huawei",
        looked: format!(
            "{}, HW_USER_NAME/HW_USER_PASSWORD, OS_USERNAME/OS_PASSWORD, {}, ~/{CLOUDS} and {SYSTEM_CLOUDS} \
             (cloud chosen by --profile or OS_CLOUD), ~/{SDK_FILE}",
            pairs.join(", "),
            tokens.join(", ")
        ),
        next_step: NEXT_STEP.to_owned(),
    })
}

/// An access key.
pub(super) fn key(id: Found, secret: Found, token: Option<Found>, family: Family) -> Result<Read, SetupError> {
    // The id stands between commas in the header, and in the path of one call.
    let text = legal(&id, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))?;
    let value = legal(&secret, |c| !c.is_control())?;
    let mut origins = vec![("access key id", id.origin), ("secret access key", secret.origin)];
    let token = match token {
        Some(found) => {
            let value = legal(&found, |c| c.is_ascii_graphic())?;
            origins.push(("security token", found.origin));
            Some(value.into())
        }
        None => None,
    };
    let proof = Proof::Key { id: text, secret: value.into(), token };
    Ok(Read { proof, family, beside: Beside::default(), origins })
}

/// A ready token.
pub(super) fn token(found: Found, family: Family) -> Result<Read, SetupError> {
    let value = legal(&found, |c| c.is_ascii_graphic())?;
    let origins = vec![("token", found.origin)];
    Ok(Read { proof: Proof::Ready(value.into()), family, beside: Beside::default(), origins })
}

/// The value without blanks at its ends, if it has nothing that cannot stand in a header.
fn legal(found: &Found, legal: fn(char) -> bool) -> Result<String, SetupError> {
    let text = found.value.expose().trim();
    if text.is_empty() || !text.chars().all(legal) {
        return Err(bad(&found.origin, "it is empty or has characters that cannot be in it"));
    }
    Ok(text.to_owned())
}

fn passwords(sources: &dyn Sources) -> Result<Option<Read>, SetupError> {
    let first = |names: &[&str]| names.iter().find_map(|name| sources.variable(name));
    if let (Some(user), Some(secret)) = (sources.variable("HW_USER_NAME"), sources.variable("HW_USER_PASSWORD")) {
        let domain = domain(first(&["HW_DOMAIN_NAME"]), first(&["HW_DOMAIN_ID"]));
        return password(user, None, secret, domain, Family::Huawei).map(Some);
    }
    let (name, id) = (sources.variable("OS_USERNAME"), sources.variable("OS_USER_ID"));
    let Some(user) = name.or_else(|| sources.variable("OS_USER_ID")) else { return Ok(None) };
    match sources.variable("OS_PASSWORD") {
        Some(secret) => {
            let domain = domain(
                first(&["OS_USER_DOMAIN_NAME", "OS_DOMAIN_NAME"]),
                first(&["OS_USER_DOMAIN_ID", "OS_DOMAIN_ID"]),
            );
            password(user, id, secret, domain, Family::OpenStack).map(Some)
        }
        None if sources.variable("OS_TOKEN").is_some() || sources.variable("OS_CLOUD").is_some() => Ok(None),
        None => Err(bad(&user.origin, "OS_PASSWORD is missing")),
    }
}

/// The user's domain; its name wins.
pub(super) fn domain(name: Option<Found>, id: Option<Found>) -> Option<Domain> {
    let text = |found: Found| found.value.expose().to_owned();
    name.map(|found| Domain::Name(text(found))).or_else(|| id.map(|found| Domain::Id(text(found))))
}

/// A user with a password.
pub(super) fn password(
    user: Found,
    id: Option<Found>,
    secret: Found,
    domain: Option<Domain>,
    family: Family,
) -> Result<Read, SetupError> {
    let who = match (id, domain) {
        (Some(id), _) => User::Id(id.value.expose().to_owned()),
        (None, Some(domain)) => User::Name(user.value.expose().to_owned(), domain),
        (None, None) => {
            return Err(bad(&user.origin, "the user's domain (the account's name) is missing: OS_USER_DOMAIN_NAME"));
        }
    };
    let origins = vec![("user", user.origin), ("password", secret.origin)];
    Ok(Read {
        proof: Proof::Password { user: who, password: secret.value },
        family,
        beside: Beside::default(),
        origins,
    })
}

/// The scope that a sign-in by password asks for.
pub(super) fn scope(project: Option<&str>, project_name: Option<&str>, region: Option<&str>) -> Option<Scope> {
    project
        .map(|id| Scope::ProjectId(id.to_owned()))
        .or_else(|| project_name.or(region).map(|name| Scope::ProjectName(name.to_owned(), None)))
}

/// The credentials of a sign-in by password.
pub(super) fn by_password(user: User, password: Secret, scope: Scope) -> Credentials {
    Credentials::Password { user, password, scope }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::bench::MapSources;

    fn with(pairs: &[(&str, &str)]) -> MapSources {
        pairs.iter().fold(MapSources::default(), |sources, (key, value)| sources.with(key, value))
    }

    fn kind(sources: &MapSources) -> String {
        match settle(sources).expect("credentials").proof {
            Proof::Key { id, token, .. } => format!("key {id}{}", if token.is_some() { " temporary" } else { "" }),
            Proof::Password { user, .. } => format!("password {user:?}"),
            Proof::Ready(token) => format!("token {}", token.expose()),
        }
    }

    #[test]
    fn ours_come_before_theirs() {
        let mut sources =
            with(&[("file:.huaweicloud/credentials", "[basic]\nak = AKF\nsk = a#b;c=d\nproject_id = p9\n")]);
        assert_eq!(kind(&sources), "key AKF");
        let Proof::Key { secret, .. } = settle(&sources).expect("credentials").proof else { panic!("a key") };
        assert_eq!(secret.expose(), "a#b;c=d");
        sources = sources
            .with("variable:OS_CLOUD", "otc")
            .with("file:.config/openstack/clouds.yaml", "clouds:\n  otc:\n    auth:\n      ak: AKC\n      sk: s\n");
        assert_eq!(kind(&sources), "key AKC");
        sources = sources.with("variable:OS_TOKEN", "T");
        assert_eq!(kind(&sources), "token T");
        sources = sources
            .with("variable:OS_USERNAME", "ann")
            .with("variable:OS_PASSWORD", "p")
            .with("variable:OS_USER_DOMAIN_NAME", "acme");
        assert_eq!(kind(&sources), r#"password Name("ann", Name("acme"))"#);
        sources = sources.with("variable:OS_AK", "AKO").with("variable:OS_SK", "s");
        assert_eq!(kind(&sources), "key AKO");
        sources = sources.with("variable:HW_ACCESS_KEY", "AKH").with("variable:HW_SECRET_KEY", "s");
        assert_eq!(kind(&sources), "key AKH");
        sources = sources
            .with("variable:HUAWEICLOUD_SDK_AK", "AKS")
            .with("variable:HUAWEICLOUD_SDK_SK", "s")
            .with("variable:HUAWEICLOUD_SDK_SECURITY_TOKEN", "t");
        assert_eq!(kind(&sources), "key AKS temporary");
    }

    #[test]
    fn a_token_of_another_cloud_is_never_shown_to_this_one() {
        let user =
            [("variable:OS_USERNAME", "ann"), ("variable:OS_PASSWORD", "HUSH"), ("variable:OS_USER_DOMAIN_ID", "d")];
        for (address, own, good) in [
            ("https://iam.eu-de.otc.t-systems.com/v3", "", true),
            ("https://iam.myhuaweicloud.com/v3", "", true),
            ("https://auth.cloud.ovh.net/v3", "", false),
            ("https://iam.evilmyhuaweicloud.com/v3", "", false),
            ("https://iam.r1.stack.example.com/v3", "", false),
            ("https://iam.r1.stack.example.com/v3", "stack.example.com", true),
        ] {
            let mut sources = with(&user).with("variable:OS_AUTH_URL", address);
            if !own.is_empty() {
                sources = sources.with("variable:HW_CLOUD", own);
            }
            match settle(&sources) {
                Ok(_) => assert!(good, "{address}"),
                Err(error) => {
                    assert!(!good && matches!(error, SetupError::NoCredentials { .. }), "{address}: {error}");
                    assert!(error.to_string().contains("OS_AUTH_URL"), "{error}");
                }
            }
            let own_key = sources.with("variable:OS_AK", "AK").with("variable:OS_SK", "s");
            assert!(settle(&own_key).is_ok(), "a key signs for one host: {address}");
        }
    }

    #[test]
    fn a_cloud_of_clouds_yaml_brings_its_region_project_and_address() {
        let yaml = "clouds:\n  otc:\n    region_name: eu-de\n    auth:\n      auth_url: https://iam.eu-de.otc.t-systems.com/v3\n      \
                    username: ann\n      password: p\n      user_domain_name: OTC-1\n      project_name: eu-de_web\n";
        let mut sources = with(&[("file:/etc/openstack/clouds.yaml", yaml)]);
        assert!(settle(&sources).is_err(), "no cloud is chosen");
        sources = sources.with("profile", "otc").with("variable:OS_REGION_NAME", "elsewhere");
        let settings = settle(&sources).expect("credentials");
        assert_eq!(settings.region.as_deref(), Some("eu-de"));
        assert_eq!(settings.project_name.as_deref(), Some("eu-de_web"));
        assert!(settings.identity.is_some());
        assert!(settings.origins.iter().all(|(_, origin)| origin.contains("[otc]")), "{:?}", settings.origins);
    }

    #[test]
    fn half_a_pair_and_a_broken_file_say_where_and_never_what() {
        let table = [
            with(&[("variable:HUAWEICLOUD_SDK_AK", "HUSH")]),
            with(&[("variable:HW_SECRET_KEY", "HUSH")]),
            with(&[("variable:OS_USERNAME", "HUSH")]),
            with(&[("variable:OS_USERNAME", "ann"), ("variable:OS_PASSWORD", "HUSH")]),
            with(&[("variable:OS_TOKEN", "HUSH\n\u{1}HUSH")]),
            with(&[("variable:OS_CLOUD", "x"), ("file:.config/openstack/clouds.yaml", "clouds: [HUSH")]),
            with(&[("variable:OS_CLOUD", "x"), ("file:.config/openstack/clouds.yaml", "clouds: {y: {}}")]),
            with(&[("file:.huaweicloud/credentials", "[basic]\nak=HUSH\n")]),
            with(&[("file:.huaweicloud/credentials", "[basic\nHUSH")]),
        ];
        for (row, sources) in table.iter().enumerate() {
            let fault = settle(sources).err().unwrap_or_else(|| panic!("row {row}"));
            assert!(matches!(fault, SetupError::BadCredentials { .. }), "row {row}: {fault}");
            assert!(!fault.to_string().contains("HUSH"), "row {row}: {fault}");
        }
    }

    #[test]
    fn nothing_anywhere_names_everything_that_was_looked_at() {
        let fault = settle(&MapSources::default()).err().expect("a fault").to_string();
        for name in ["HUAWEICLOUD_SDK_AK", "HW_ACCESS_KEY", "OS_USERNAME", "OS_TOKEN", "clouds.yaml", ".huaweicloud"] {
            assert!(fault.contains(name), "{fault}");
        }
    }

    #[test]
    fn variables_of_another_openstack_cloud_are_not_mixed_in() {
        let sources = with(&[
            ("variable:HUAWEICLOUD_SDK_AK", "AK"),
            ("variable:HUAWEICLOUD_SDK_SK", "s"),
            ("variable:OS_AUTH_URL", "https://elsewhere.example.com"),
            ("variable:OS_PROJECT_ID", "elsewhere"),
            ("variable:OS_REGION_NAME", "elsewhere"),
        ]);
        let settings = settle(&sources).expect("credentials");
        assert!(settings.identity.is_none() && settings.project.is_none() && settings.region.is_none());
    }

    #[test]
    fn a_region_or_project_that_could_change_an_address_is_refused() {
        for (key, value) in [
            ("setting:region", "a/b"),
            ("setting:region", "evil.com#"),
            ("setting:project", "../x"),
            ("setting:project", "eu-de_web/"),
        ] {
            let sources = with(&[("variable:OS_TOKEN", "T"), (key, value)]);
            assert!(matches!(settle(&sources), Err(SetupError::BadSetting { .. })), "{value}");
        }
    }

    #[test]
    fn the_region_may_stand_in_the_projects_name() {
        let sources = with(&[("variable:OS_TOKEN", "T"), ("variable:OS_PROJECT_NAME", "eu-nl_web")]);
        assert_eq!(settle(&sources).expect("credentials").region.as_deref(), Some("eu-nl"));
    }
}
