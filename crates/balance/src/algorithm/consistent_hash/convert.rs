//! Configuration of types whose crate knows no configuration. A refused value is refused at its own place in the text.

pub(super) mod table_size {
    use equipoise_ring::TableSize;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(size: &TableSize, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(size.get())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TableSize, D::Error> {
        TableSize::new(u32::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

pub(super) mod load_factor {
    use equipoise_ring::LoadFactor;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[expect(clippy::ref_option, reason = "the signature that serde calls")]
    pub(crate) fn serialize<S: Serializer>(factor: &Option<LoadFactor>, serializer: S) -> Result<S::Ok, S::Error> {
        factor.map(LoadFactor::get).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LoadFactor>, D::Error> {
        let factor = Option::<f64>::deserialize(deserializer)?;
        factor.map(LoadFactor::new).transpose().map_err(D::Error::custom)
    }
}

pub(super) mod header_name {
    use http::HeaderName;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format_args!("`{}` is not the name of a header", text.escape_debug())))
    }
}

/// Names of cookies and of query parameters.
pub(super) mod plain_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(name: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        let text = String::deserialize(deserializer)?;
        let legal = |byte: u8| byte.is_ascii_graphic() && !b"=;,&#\"".contains(&byte);
        if !text.is_empty() && text.bytes().all(legal) {
            Ok(text)
        } else {
            let shown = text.escape_debug();
            Err(D::Error::custom(format_args!(
                "`{shown}` cannot be a name: visible ASCII without `=;,&#\"`, at least one"
            )))
        }
    }
}
