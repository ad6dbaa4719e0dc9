//! A door for benches to what is private: the header policy. Not an interface; it changes with what it opens.

use http::request::Parts;
use http::{HeaderValue, Version, response};

use crate::{ListenerLimits, policy};

/// What a request's head goes through: checks, removals, and the fields that tell a target who asks. Whether it passed.
#[must_use]
pub fn request(head: &mut Parts, limits: &ListenerLimits, peer: &HeaderValue, port: &HeaderValue) -> bool {
    let Ok(admitted) = policy::admit(head, limits) else { return false };
    if admitted.says_who_asks {
        policy::disbelieve(&mut head.headers, false);
    }
    let facts = policy::Facts {
        peer: Some(peer),
        host: admitted.host.as_ref(),
        port: Some(port),
        secure: false,
        version: Version::HTTP_11,
    };
    policy::forward(&mut head.headers, &facts);
    true
}

/// What a response's head goes through. Whether it passed.
#[must_use]
pub fn response(head: &mut response::Parts) -> bool {
    policy::clean(head, false).is_ok()
}
