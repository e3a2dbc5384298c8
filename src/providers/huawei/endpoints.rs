//! Addresses of the services: which cloud a region belongs to, and how that cloud names its hosts.
//!
//! Sources: "Regions and Endpoints" of Huawei Cloud, Open Telekom Cloud (both editions) and Flexible Engine;
//! Cloud.ru and G42 as their users write them.

use crate::providers::{Found, SetupError, Sources, address};
use url::Url;

/// A service of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// Servers.
    Ecs,
    /// Images.
    Ims,
    /// Identities and projects.
    Iam,
    /// Keys, key pairs among them.
    Kms,
    /// Customers' own bare metal.
    CloudDc,
}

impl Service {
    /// First label of the host, as most clouds name it.
    fn word(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::Ims => "ims",
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::CloudDc => "clouddc",
        }
    }
}

/// Regions that have CloudDC (documentation: `clouddc_api_0001`).
const CLOUDDC_REGIONS: [&str; 4] = ["cn-east-3", "cn-southwest-2", "cn-south-1", "ap-southeast-3"];

/// Domains of the clouds that this vendor serves.
const DOMAINS: [&str; 6] = [
    "myhuaweicloud.com",
    "myhuaweicloud.eu",
    "otc.t-systems.com",
    "prod-cloud-ocb.orange-business.com",
    "hc.sbercloud.ru",
    "g42cloud.com",
];

/// Whether an identity service belongs to one of these clouds, or to the one that `HW_CLOUD` names. `OS_*` variables
/// belong to every cloud of OpenStack's kind: a token of another one must not be shown to a host of this vendor.
pub(super) fn is_ours(identity: &Found, own: Option<&Found>) -> bool {
    let url = Url::parse(identity.value.expose().trim()).ok();
    let Some(host) = url.as_ref().and_then(Url::host_str) else { return true };
    let own = own.map(|found| found.value.expose().trim().to_owned());
    let within = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    DOMAINS.iter().copied().chain(own.as_deref()).any(within)
}

/// All addresses that a product needs.
pub(super) struct Endpoints {
    pub(super) ecs: Url,
    pub(super) ims: Url,
    /// Up to `/v3`.
    pub(super) identity: Url,
    pub(super) kms: Url,
    pub(super) clouddc: Option<Url>,
}

/// Whether the region belongs to Open Telekom Cloud, whose reinstall takes key pairs alone.
pub(super) fn is_otc(region: &str) -> bool {
    matches!(region, "eu-de" | "eu-nl" | "eu-ch2")
}

/// The host of a service in a region; `domain` is what replaces everything behind the region.
fn host(service: Service, region: &str, domain: Option<&str>) -> String {
    let word = match (service, region) {
        (Service::Iam, "eu-ch2") => "iam-pub",
        _ => service.word(),
    };
    let domain = domain.unwrap_or(match region {
        "eu-de" | "eu-nl" => "otc.t-systems.com",
        "eu-ch2" => "sc.otc.t-systems.com",
        "eu-west-0" => "prod-cloud-ocb.orange-business.com",
        "ru-moscow-1" => "hc.sbercloud.ru",
        "ae-ad-1" => "g42cloud.com",
        _ if region.starts_with("eu-west-1") && region.len() > "eu-west-1".len() => "myhuaweicloud.eu",
        _ => "myhuaweicloud.com",
    });
    format!("{word}.{region}.{domain}")
}

impl Endpoints {
    /// Settles all addresses.
    ///
    /// `--endpoint` wins over everything. Otherwise a service's own variable
    /// (`HUAWEICLOUD_SDK_REGION_<SERVICE>_<REGION>`), then the region's cloud; `HW_CLOUD` replaces its domain.
    pub(super) fn settle(
        sources: &dyn Sources,
        region: Option<&str>,
        identity: Option<Found>,
    ) -> Result<Self, SetupError> {
        if let Some(base) = sources.endpoint() {
            return Ok(Self {
                ecs: base.clone(),
                ims: base.clone(),
                identity: up_to_v3(base.clone()),
                kms: base.clone(),
                clouddc: Some(base.clone()),
            });
        }
        let region = region.ok_or(SetupError::MissingSetting {
            vendor: "huawei",
            key: "region",
            next_step: "give `--region`, or set HUAWEICLOUD_REGION".to_owned(),
        })?;
        let domain = match sources.variable("HW_CLOUD") {
            Some(found) => Some(name_in_host(&found)?),
            None => None,
        };
        let settle = |service: Service| -> Result<(Url, bool), SetupError> {
            let variable = format!(
                "HUAWEICLOUD_SDK_REGION_{}_{}",
                service.word().to_uppercase(),
                region.to_uppercase().replace('-', "_")
            );
            match sources.variable(&variable) {
                Some(found) => Ok((address(&found)?, true)),
                None => {
                    let text = format!("https://{}", host(service, region, domain.as_deref()));
                    let url = Url::parse(&text).map_err(|_| SetupError::BadSetting {
                        origin: "region".to_owned(),
                        problem: format!("`{region}` makes no host name"),
                    })?;
                    Ok((url, false))
                }
            }
        };
        let (clouddc, named) = settle(Service::CloudDc)?;
        let identity = match identity.or_else(|| sources.variable("HUAWEICLOUD_SDK_IAM_ENDPOINT")) {
            Some(found) => address(&found)?,
            None => settle(Service::Iam)?.0,
        };
        Ok(Self {
            ecs: settle(Service::Ecs)?.0,
            ims: settle(Service::Ims)?.0,
            identity: up_to_v3(identity),
            kms: settle(Service::Kms)?.0,
            clouddc: (named || CLOUDDC_REGIONS.contains(&region)).then_some(clouddc),
        })
    }

    /// The identity service's address with this path below its root, for calls outside of `/v3`.
    pub(super) fn identity_root(&self) -> Url {
        let mut url = self.identity.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().pop();
        }
        url
    }
}

/// Reads a text that becomes part of a host name.
pub(super) fn name_in_host(found: &Found) -> Result<String, SetupError> {
    let text = found.value.expose().trim();
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if text.is_empty() || !text.chars().all(legal) || text.starts_with(['-', '.']) || text.ends_with(['-', '.']) {
        return Err(SetupError::BadSetting {
            origin: found.origin.clone(),
            problem: "it has only small letters, digits, `-` and `.`".to_owned(),
        });
    }
    Ok(text.to_owned())
}

fn up_to_v3(mut url: Url) -> Url {
    let ends = url.path().trim_end_matches('/').ends_with("/v3");
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty();
        if !ends {
            segments.push("v3");
        }
    }
    url
}

/// An address below a base: segments and query pairs are percent-encoded here.
pub(super) fn below(base: &Url, segments: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::bench::MapSources;

    fn settle(sources: &MapSources, region: &str) -> Endpoints {
        Endpoints::settle(sources, Some(region), None).expect("addresses")
    }

    #[test]
    fn each_region_has_the_hosts_of_its_cloud() {
        let table = [
            ("cn-north-4", "ecs.cn-north-4.myhuaweicloud.com", "iam.cn-north-4.myhuaweicloud.com"),
            ("eu-west-101", "ecs.eu-west-101.myhuaweicloud.eu", "iam.eu-west-101.myhuaweicloud.eu"),
            ("eu-de", "ecs.eu-de.otc.t-systems.com", "iam.eu-de.otc.t-systems.com"),
            ("eu-nl", "ecs.eu-nl.otc.t-systems.com", "iam.eu-nl.otc.t-systems.com"),
            ("eu-ch2", "ecs.eu-ch2.sc.otc.t-systems.com", "iam-pub.eu-ch2.sc.otc.t-systems.com"),
            (
                "eu-west-0",
                "ecs.eu-west-0.prod-cloud-ocb.orange-business.com",
                "iam.eu-west-0.prod-cloud-ocb.orange-business.com",
            ),
            ("ru-moscow-1", "ecs.ru-moscow-1.hc.sbercloud.ru", "iam.ru-moscow-1.hc.sbercloud.ru"),
            ("ae-ad-1", "ecs.ae-ad-1.g42cloud.com", "iam.ae-ad-1.g42cloud.com"),
        ];
        for (region, ecs, iam) in table {
            let endpoints = settle(&MapSources::default(), region);
            assert_eq!(endpoints.ecs.host_str(), Some(ecs));
            assert_eq!(endpoints.identity.as_str(), format!("https://{iam}/v3"));
            assert_eq!(endpoints.identity_root().as_str(), format!("https://{iam}/"));
        }
    }

    #[test]
    fn clouddc_is_in_four_regions_unless_it_is_named() {
        assert!(settle(&MapSources::default(), "ap-southeast-3").clouddc.is_some());
        assert!(settle(&MapSources::default(), "eu-de").clouddc.is_none());
        let named =
            MapSources::default().with("variable:HUAWEICLOUD_SDK_REGION_CLOUDDC_CN_NORTH_4", "https://dc.example.com");
        assert_eq!(settle(&named, "cn-north-4").clouddc.expect("named").host_str(), Some("dc.example.com"));
    }

    #[test]
    fn one_endpoint_replaces_every_host() {
        let sources =
            MapSources { endpoint: Some("http://127.0.0.1:1".parse().expect("an address")), ..MapSources::default() };
        let endpoints = Endpoints::settle(&sources, None, None).expect("addresses");
        assert_eq!(endpoints.identity.as_str(), "http://127.0.0.1:1/v3");
        for url in [&endpoints.ecs, &endpoints.ims, &endpoints.kms, endpoints.clouddc.as_ref().expect("there")] {
            assert_eq!(url.as_str(), "http://127.0.0.1:1/");
        }
    }

    #[test]
    fn an_address_that_is_not_safe_is_refused() {
        for text in [
            "http://iam.example.com",
            "http://localhost",
            "ftp://x",
            "iam",
            "https://u:p@x",
            "https://x?a=b",
            "http://0x7f.1",
            "http://2130706433",
            "https:x",
        ] {
            let sources = MapSources::default().with("variable:HUAWEICLOUD_SDK_IAM_ENDPOINT", text);
            let fault = Endpoints::settle(&sources, Some("eu-de"), None).err().expect(text).to_string();
            assert!(!fault.contains(text), "{fault}");
        }
    }

    #[test]
    fn outside_text_stays_one_segment_and_one_value() {
        let base = "https://h/base/".parse().expect("an address");
        let url = below(&base, &["v1", "../x/?y", "z"], &[("name", "a&b=c,d e")]);
        assert_eq!(url.as_str(), "https://h/base/v1/..%2Fx%2F%3Fy/z?name=a%26b%3Dc%2Cd+e");
    }
}
