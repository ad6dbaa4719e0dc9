//! The list of what can be wrong with a configuration.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// What is wrong, in a word that stays the same between releases: for scripts, editors and searches.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as it is printed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// A file or folder could not be read.
    Unreadable => "unreadable",
    /// A file is not text in UTF-8.
    NotUtf8 => "not-utf8",
    /// There is more of something than this program accepts.
    TooMuch => "too-much",
    /// A file holds nothing at all.
    EmptyFile => "empty-file",
    /// A folder holds no `*.toml` file.
    NoFiles => "no-files",
    /// The text is not TOML.
    Syntax => "syntax",
    /// A key is written twice in one table.
    DuplicateKey => "duplicate-key",
    /// Two files define the same thing.
    DefinedTwice => "defined-twice",
    /// `${…}` is malformed.
    BadExpansion => "bad-expansion",
    /// `${NAME}` without a default, and the environment has no such variable.
    UnsetVariable => "unset-variable",
    /// A key that has no meaning here.
    UnknownKey => "unknown-key",
    /// A word from a fixed list was expected.
    UnknownValue => "unknown-value",
    /// A feature that this version does not have.
    Unsupported => "unsupported",
    /// A key that must be there is not.
    MissingKey => "missing-key",
    /// A value of another type was expected.
    WrongType => "wrong-type",
    /// A value of the right type that is not acceptable.
    InvalidValue => "invalid-value",
    /// Something that goes out without a look at who takes it.
    Unverified => "unverified",
    /// A value outside its range.
    OutOfRange => "out-of-range",
    /// A name that breaks the rules for names.
    InvalidName => "invalid-name",
    /// A reference to a target group that is not defined.
    UnknownTargetGroup => "unknown-target-group",
    /// A reference to a plugin that is not defined.
    UnknownPlugin => "unknown-plugin",
    /// A reference to a scaling group that is not defined.
    UnknownScalingGroup => "unknown-scaling-group",
    /// A reference to an alarm that is not defined.
    UnknownAlarm => "unknown-alarm",
    /// A plugin is used for something that its world is not for.
    WrongWorld => "wrong-world",
    /// The file of a plugin cannot be read.
    UnreadableComponent => "unreadable-component",
    /// The file of a plugin is no WebAssembly component.
    NotAComponent => "not-a-component",
    /// A component asks for something that it was not granted.
    MissingGrant => "missing-grant",
    /// A component is not the one that was pinned.
    WrongDigest => "wrong-digest",
    /// A program, folder or file that instances need is not there.
    NotThere => "not-there",
    /// A certificate or private key cannot be used.
    BadCertificate => "bad-certificate",
    /// A certificate has expired, or soon will.
    ExpiringCertificate => "expiring-certificate",
    /// This build of the program runs no plugins.
    NoPlugins => "no-plugins",
    /// Two listeners want the same address.
    DuplicateBind => "duplicate-bind",
    /// Two rules of a listener have the same priority.
    DuplicatePriority => "duplicate-priority",
    /// A target group lists an address twice.
    DuplicateTarget => "duplicate-target",
    /// A value that contradicts another one.
    Conflict => "conflict",
    /// The admin address can be reached from other machines without a token.
    OpenAdmin => "open-admin",
    /// Everybody may say whatever they like about who they are.
    TrustsEveryone => "trusts-everyone",
    /// A target group that nothing forwards to.
    UnusedTargetGroup => "unused-target-group",
    /// A plugin that nothing uses.
    UnusedPlugin => "unused-plugin",
    /// An alarm that does nothing and that nothing follows.
    UnusedAlarm => "unused-alarm",
    /// A metric that nobody measures there.
    Unmeasured => "unmeasured",
    /// A range of ports with fewer ports than instances.
    TooFewPorts => "too-few-ports",
    /// Policies that work against each other, or against what they follow.
    Contradiction => "contradiction",
    /// Instances that take requests without having been checked.
    NoHealthCheck => "no-health-check",
    /// A target group without a target.
    NoTargets => "no-targets",
    /// A target group whose only health check looks at an open port.
    PortCheckOnly => "port-check-only",
    /// A listener that answers nothing.
    NoListeners => "no-listeners",
    /// A rule that no request can reach.
    UnreachableRule => "unreachable-rule",
    /// Something that can be set, but has no effect here.
    NoEffect => "no-effect",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
