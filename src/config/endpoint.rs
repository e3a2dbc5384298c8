//! The rule for addresses that replace a provider's: signed requests and sign-in passwords go there.

use std::net::{IpAddr, Ipv6Addr};
use url::{Host, Url};

/// Why an address is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// Not of the form.
    #[error("not an address of the form `https://HOST[:PORT]`")]
    Form,
    /// Neither https nor http.
    #[error("only `https` is spoken")]
    Scheme,
    /// http to somewhere else.
    #[error("plain `http` is spoken to a literal loopback address alone: write `https`, or 127.0.0.1 or [::1]")]
    PlainHttp,
    /// User or password.
    #[error("an endpoint must not hold a user or a password")]
    UserInfo,
    /// Path, query or fragment.
    #[error("an endpoint is a host and at most a port: leave path, query and fragment out")]
    Tail,
    /// A host in a form that programs read differently.
    #[error("the host must be a plain ASCII name without a final dot, or an address in its usual form")]
    Host,
    /// Port 0.
    #[error("0 is not a port")]
    Port,
}

/// Reads an endpoint: `https`, or `http` to a literal loopback host; nothing behind host and port.
pub fn endpoint(text: &str) -> Result<Url, BadEndpoint> {
    // The URL standard drops tabs and line ends and turns backslashes; whoever writes them does not mean a host.
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(BadEndpoint::Form);
    }
    let (scheme, rest) = text.split_once("://").ok_or(BadEndpoint::Form)?;
    let plain = match scheme.to_ascii_lowercase().as_str() {
        "https" => false,
        "http" => true,
        _ => return Err(BadEndpoint::Scheme),
    };
    if rest.contains('@') {
        return Err(BadEndpoint::UserInfo);
    }
    let authority = match rest.split_once(['/', '?', '#']) {
        None => rest,
        Some((authority, "")) if rest.ends_with('/') => authority,
        Some(_) => return Err(BadEndpoint::Tail),
    };
    let url = Url::parse(&format!("{scheme}://{authority}")).map_err(|_| BadEndpoint::Form)?;
    if url.port() == Some(0) {
        return Err(BadEndpoint::Port);
    }
    let written = written_host(authority);
    let loopback = match url.host() {
        // A name, `localhost` too, leads wherever this machine's name lookup says.
        Some(Host::Domain(name)) if same_name(name, written) => false,
        Some(Host::Ipv4(address)) if written.parse() == Ok(IpAddr::V4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) if bracketed(written) == Some(address) => address.is_loopback(),
        _ => return Err(BadEndpoint::Host),
    };
    if plain && !loopback {
        return Err(BadEndpoint::PlainHttp);
    }
    Ok(url)
}

/// The host as it was written, without the port.
fn written_host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

/// Whether the parser changed nothing but case: everything else is a disguise.
fn same_name(parsed: &str, written: &str) -> bool {
    parsed.eq_ignore_ascii_case(written) && !parsed.ends_with('.') && !parsed.starts_with('.') && !parsed.contains("..")
}

fn bracketed(written: &str) -> Option<Ipv6Addr> {
    written.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_to_a_host_is_taken() {
        for (text, expected) in [
            ("https://api.example.org", "https://api.example.org/"),
            ("https://api.example.org/", "https://api.example.org/"),
            ("HTTPS://API.Example.ORG:8443", "https://api.example.org:8443/"),
            ("https://10.0.0.7", "https://10.0.0.7/"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example/"),
        ] {
            assert_eq!(endpoint(text).expect(text).as_str(), expected);
        }
    }

    #[test]
    fn http_is_for_literal_loopback_alone() {
        for text in [
            "http://127.0.0.1",
            "http://127.0.0.1:8080/",
            "http://127.255.255.254:1",
            "http://[::1]:8080",
            "http://[0:0:0:0:0:0:0:1]",
            "HTTP://127.0.0.1",
        ] {
            assert!(endpoint(text).is_ok(), "{text}");
        }
        for (text, expected) in [
            ("http://api.example.org", BadEndpoint::PlainHttp),
            ("http://127.0.0.1.example.org", BadEndpoint::PlainHttp),
            ("http://localhost:8080", BadEndpoint::PlainHttp),
            ("HTTP://LOCALHOST", BadEndpoint::PlainHttp),
            ("http://localhost.example.org", BadEndpoint::PlainHttp),
            ("http://127-0-0-1.example.org", BadEndpoint::PlainHttp),
            ("http://10.0.0.1", BadEndpoint::PlainHttp),
            ("http://0.0.0.0", BadEndpoint::PlainHttp),
            ("http://[::]", BadEndpoint::PlainHttp),
            ("http://[::ffff:127.0.0.1]", BadEndpoint::PlainHttp),
            ("http://169.254.169.254", BadEndpoint::PlainHttp),
            ("http://128.0.0.1", BadEndpoint::PlainHttp),
        ] {
            assert_eq!(endpoint(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_disguised_host_is_refused_whatever_the_scheme() {
        for host in [
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "127.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "localhost.",
            "api.example.org.",
            "ｌocalhost",
            "１２７.0.0.1",
            "%6cocalhost",
            "127.0.0.1%00.example.org",
            "bücher.example",
            "loc\u{ad}alhost",
            "[::1%25lo]",
            "a..b",
        ] {
            for scheme in ["http", "https"] {
                let fault = endpoint(&format!("{scheme}://{host}")).expect_err(host);
                assert!(matches!(fault, BadEndpoint::Host | BadEndpoint::Form), "{host}: {fault:?}");
            }
        }
    }

    #[test]
    fn anything_beside_host_and_port_is_refused() {
        for (text, expected) in [
            ("https://user@api.example.org", BadEndpoint::UserInfo),
            ("https://user:pw@api.example.org", BadEndpoint::UserInfo),
            ("http://127.0.0.1@api.example.org", BadEndpoint::UserInfo),
            ("http://127.0.0.1:80@api.example.org", BadEndpoint::UserInfo),
            ("https://api.example.org/v2", BadEndpoint::Tail),
            ("https://api.example.org//", BadEndpoint::Tail),
            ("https://api.example.org?x=1", BadEndpoint::Tail),
            ("https://api.example.org?", BadEndpoint::Tail),
            ("https://api.example.org#", BadEndpoint::Tail),
            ("https://api.example.org/#x", BadEndpoint::Tail),
            ("https://api.example.org:0", BadEndpoint::Port),
            ("https://api.example.org:99999", BadEndpoint::Form),
            ("ftp://api.example.org", BadEndpoint::Scheme),
            ("file:///etc/passwd", BadEndpoint::Scheme),
            ("api.example.org", BadEndpoint::Form),
            ("https:api.example.org", BadEndpoint::Form),
            ("https:/api.example.org", BadEndpoint::Form),
            ("https://", BadEndpoint::Form),
            ("https:///api.example.org", BadEndpoint::Tail),
            ("https://api.example.org\n", BadEndpoint::Form),
            ("https://api.\texample.org", BadEndpoint::Form),
            ("http:\\\\127.0.0.1", BadEndpoint::Form),
            ("", BadEndpoint::Form),
        ] {
            assert_eq!(endpoint(text), Err(expected), "{text:?}");
        }
    }
}
