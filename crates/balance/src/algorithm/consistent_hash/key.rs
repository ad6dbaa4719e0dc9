//! What of a request decides where it goes.

use std::net::IpAddr;

use equipoise_ring::hash;
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri};
use serde::{Deserialize, Serialize};

use super::convert;
use crate::PickRequest;

/// What of a request decides where it goes. What is absent or empty decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum HashKey {
    /// The first value of this header.
    Header(
        #[serde(with = "convert::header_name")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        HeaderName,
    ),
    /// The value of this cookie, as it was sent.
    Cookie(
        #[serde(with = "convert::plain_name")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        String,
    ),
    /// The value of this query parameter, as it was sent: percent encoding is not undone.
    Query(
        #[serde(with = "convert::plain_name")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        String,
    ),
    /// The path, without the query.
    Path,
    /// The client's address, after trusted forwarding headers were taken into account.
    Source,
}

impl HashKey {
    /// The hash of the request's key; `None` when it has none.
    pub(super) fn hash(&self, request: &PickRequest<'_>, seed: u64) -> Option<u64> {
        let Parts { headers, uri, .. } = &*request.head;
        let key = match self {
            Self::Header(name) => headers.get(name)?.as_bytes(),
            Self::Cookie(name) => cookie(headers, name.as_bytes())?,
            Self::Query(name) => query(uri, name)?.as_bytes(),
            Self::Path => uri.path().as_bytes(),
            // An IPv4 client counts as such on whichever kind of socket it arrived.
            Self::Source => match request.client.to_canonical() {
                IpAddr::V4(address) => return Some(hash(&address.octets(), seed)),
                IpAddr::V6(address) => return Some(hash(&address.octets(), seed)),
            },
        };
        (!key.is_empty()).then(|| hash(key, seed))
    }
}

/// RFC 6265 section 5.4, also over several `Cookie` fields (HTTP/2 splits them).
fn cookie<'a>(headers: &'a HeaderMap, name: &[u8]) -> Option<&'a [u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

fn query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::Tried;

    #[track_caller]
    fn check(key: &HashKey, request: http::request::Builder, client: [u8; 4], want: Option<&[u8]>) {
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let tried = Tried::default();
        let request = PickRequest { head: &mut head, client: client.into(), tried: &tried };
        assert_eq!(key.hash(&request, 7), want.map(|key| hash(key, 7)));
    }

    #[test]
    fn a_header_gives_its_first_value() {
        let key = HashKey::Header(HeaderName::from_static("x-user"));
        let request = || Request::get("/");
        check(&key, request().header("X-User", "alice").header("x-user", "bob"), [0; 4], Some(b"alice"));
        check(&key, request().header("x-user", &b"\xff"[..]), [0; 4], Some(b"\xff"));
        check(&key, request().header("x-user", ""), [0; 4], None);
        check(&key, request(), [0; 4], None);
    }

    #[test]
    fn a_cookie_is_found_in_any_place_and_only_by_its_whole_name() {
        let key = HashKey::Cookie("id".into());
        let request = |cookies: &str| Request::get("/").header("cookie", cookies);
        check(&key, request("id=7"), [0; 4], Some(b"7"));
        check(&key, request("a=1; my-id=2;  id=a=b ;idx=3"), [0; 4], Some(b"a=b"));
        check(&key, request("a=1").header("cookie", "id=8"), [0; 4], Some(b"8"));
        for without in ["", "id", "id=", "idx=1; xid=2", ";;;="] {
            check(&key, request(without), [0; 4], None);
        }
    }

    #[test]
    fn a_query_parameter_is_taken_as_it_was_sent() {
        let key = HashKey::Query("id".into());
        check(&key, Request::get("/x?a=1&id=a%20b&id=2"), [0; 4], Some(b"a%20b"));
        for without in ["/x", "/x?", "/id=1", "/?xid=1&idx=2&id&id="] {
            check(&key, Request::get(without), [0; 4], None);
        }
    }

    #[test]
    fn the_path_leaves_the_query_out() {
        check(&HashKey::Path, Request::get("http://host/a/b?c=d"), [0; 4], Some(b"/a/b"));
        check(&HashKey::Path, Request::options("*"), [0; 4], Some(b"*"));
    }

    #[test]
    fn a_mapped_address_is_the_address_that_it_maps() {
        check(&HashKey::Source, Request::get("/"), [192, 0, 2, 1], Some(&[192, 0, 2, 1]));
        let (mut head, ()) = Request::new(()).into_parts();
        let client = "::ffff:192.0.2.1".parse().unwrap();
        let request = PickRequest { head: &mut head, client, tried: &Tried::default() };
        assert_eq!(HashKey::Source.hash(&request, 0), Some(hash(&[192, 0, 2, 1], 0)));
    }
}
