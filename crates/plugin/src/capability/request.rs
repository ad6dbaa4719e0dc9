//! `equipoise:plugin/request`: the request of the current call.

use equipoise_rule::ClientCertificate;
use http::HeaderValue;
use http::header::HOST;

use crate::bindings::router::equipoise::plugin::{request, types};
use crate::state::State;

impl types::Host for State {}

impl request::Host for State {
    fn method(&mut self) -> String {
        self.request.method.as_str().to_owned()
    }

    fn path(&mut self) -> String {
        self.request.uri.path().to_owned()
    }

    fn query(&mut self) -> Option<String> {
        self.request.uri.query().map(str::to_owned)
    }

    fn authority(&mut self) -> Option<String> {
        let authority = self.request.uri.authority().map(http::uri::Authority::as_str);
        let host = || self.request.headers.get(HOST).and_then(|host| host.to_str().ok());
        authority.or_else(host).map(str::to_owned)
    }

    fn client_address(&mut self) -> String {
        self.client.to_string()
    }

    fn client_certificate(&mut self) -> Option<request::Certificate> {
        let ClientCertificate { subject, issuer, serial, names, fingerprint } =
            ClientCertificate::of(&self.request.extensions)?.clone();
        Some(request::Certificate { subject, issuer, serial, names, fingerprint })
    }

    fn header(&mut self, name: String) -> Option<Vec<u8>> {
        self.request.headers.get(name.as_str()).map(bytes)
    }

    fn header_values(&mut self, name: String) -> Vec<Vec<u8>> {
        self.request.headers.get_all(name.as_str()).iter().map(bytes).collect()
    }

    fn headers(&mut self) -> Vec<types::Field> {
        let field = |(name, value): (&http::HeaderName, &HeaderValue)| types::Field {
            name: name.as_str().to_owned(),
            value: bytes(value),
        };
        self.request.headers.iter().map(field).collect()
    }
}

fn bytes(value: &HeaderValue) -> Vec<u8> {
    value.as_bytes().to_vec()
}
