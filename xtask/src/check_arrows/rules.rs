//! The rules inside crates that no manifest shows: siblings, the store's vocabulary, statics.
use std::path::Path;

use anyhow::Result;

use crate::source::{self, SourceFile, is_word};

/// Modules of behalf-server that meet in `directory/` or in core, and never import one another.
const SIBLINGS: &[&str] = &["token", "authorize", "graph", "portal"];

/// Statics that hold neither configuration nor a pool nor a client: (path, name, why).
const STATICS: &[(&str, &str, &str)] = &[];

/// Words in a static's type that say it is state, which arrives as an argument instead.
const STATE_WORDS: &[&str] = &[
    "ArcSwap",
    "Atomic",
    "Cell",
    "Client",
    "Config",
    "Connection",
    "Lazy",
    "Mutex",
    "Once",
    "Pool",
    "RwLock",
    "Sender",
    "Store",
];

/// One line per violation in the sources below `root`.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for sibling in SIBLINGS {
        let folder = format!("crates/behalf-server/src/{sibling}");
        for file in source::files(root, &folder)? {
            findings.extend(sibling_imports(&file, sibling));
        }
    }
    for file in source::files(root, "crates/behalf-store")? {
        findings.extend(protocol_words(&file));
    }
    for file in source::files(root, "crates")?.iter().filter(|file| ships(&file.path)) {
        findings.extend(state_in_statics(file));
    }
    Ok(findings)
}

/// Tests may share what is dear to make, such as an RSA key.
fn ships(path: &str) -> bool {
    !path.contains("/tests/") && !path.ends_with("/tests.rs")
}

fn sibling_imports(file: &SourceFile, own: &str) -> Vec<String> {
    let named = path_heads(&file.code);
    let foreign = SIBLINGS.iter().filter(|sibling| **sibling != own && named.contains(*sibling));
    foreign
        .map(|sibling| {
            format!("{}: {own}/ imports {sibling}/; they meet in directory/ or in core", file.path)
        })
        .collect()
}

/// The first segment after every `crate::` and every run of `super::`, groups opened.
fn path_heads(code: &str) -> Vec<&str> {
    let mut heads = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            if !code[..at].ends_with(is_word) {
                heads.extend(heads_at(&code[at + start.len()..]));
            }
        }
    }
    heads
}

fn heads_at(path: &str) -> Vec<&str> {
    let path = path.trim_start();
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let mut heads = Vec::new();
    let mut depth = 0_usize;
    let mut item = 0;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(word(group[item..at].trim_start()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(group[item..at].trim_start()));
                item = at + 1;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> &str {
    &text[..text.find(|letter| !is_word(letter)).unwrap_or(text.len())]
}

fn protocol_words(file: &SourceFile) -> Option<String> {
    file.code
        .contains("behalf_protocol")
        .then(|| format!("{}: the store does not know what an OAuth error is", file.path))
}

fn state_in_statics(file: &SourceFile) -> Vec<String> {
    let mut findings = Vec::new();
    for (at, _) in file.code.match_indices("static ") {
        let before = &file.code[..at];
        if before.ends_with(|letter| is_word(letter) || letter == '\'') {
            continue;
        }
        let declaration = &file.code[at + "static ".len()..];
        let declaration = &declaration[..declaration.find(['=', ';']).unwrap_or(declaration.len())];
        let Some((name, kind)) = declaration.split_once(':') else { continue };
        let name = name.trim().trim_start_matches("mut ");
        let named = STATICS.iter().any(|(path, known, _)| *path == file.path && *known == name);
        if !named && STATE_WORDS.iter().any(|state| kind.contains(state)) {
            let line = before.lines().count();
            findings.push(format!(
                "{}:{line}: static {name} holds state; state arrives as an argument",
                file.path
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{protocol_words, ships, sibling_imports, state_in_statics};
    use crate::source::{SourceFile, strip};

    fn file(text: &str) -> SourceFile {
        SourceFile { path: "x.rs".to_owned(), code: strip(text) }
    }

    #[test]
    fn siblings_do_not_import_one_another() {
        let forbidden = [
            "use crate::graph::page::Page;",
            "use crate::{\n    directory::{apps, tenants},\n    graph::page,\n};",
            "fn f() { super::super::graph::page() }",
            "fn f() { crate::graph::page() }",
        ];
        for text in forbidden {
            let expected = ["x.rs: token/ imports graph/; they meet in directory/ or in core"];
            assert_eq!(sibling_imports(&file(text), "token"), expected, "{text}");
        }
    }

    #[test]
    fn directory_core_and_words_in_comments_are_free() {
        let allowed = [
            "use crate::directory::graph::Node;",
            "use crate::{directory::{graph, token}, error};",
            "use behalf_protocol::graph::Application; // not crate::graph",
            "use super::issue; use crate::token::endpoint;",
            "let text = \"crate::graph\";",
        ];
        for text in allowed {
            assert!(sibling_imports(&file(text), "token").is_empty(), "{text}");
        }
    }

    #[test]
    fn the_store_does_not_name_the_protocol() {
        assert!(protocol_words(&file("use behalf_protocol::token;")).is_some());
        assert!(protocol_words(&file("use behalf_core::id; // not behalf_protocol")).is_none());
    }

    #[test]
    fn a_static_that_holds_state_is_named_with_its_line() {
        let text = "const A: u8 = 1;\npub static POOL: LazyLock<Pool> = LazyLock::new(open);";
        let expected = ["x.rs:2: static POOL holds state; state arrives as an argument"];
        assert_eq!(state_in_statics(&file(text)), expected);
        for text in ["static mut N: AtomicU64 = X;", "thread_local! { static C: RefCell<u8> = R; }"]
        {
            assert_eq!(state_in_statics(&file(text)).len(), 1, "{text}");
        }
    }

    #[test]
    fn tests_do_not_ship() {
        assert!(ships("crates/behalf-core/src/token/mod.rs"));
        assert!(!ships("crates/behalf-core/tests/spec/world.rs"));
        assert!(!ships("crates/behalf-server/src/limits/tests.rs"));
    }

    #[test]
    fn tables_and_lifetimes_are_free() {
        let text =
            "static TABLE: [u8; 2] = [1, 2];\nfn f(x: &'static Config) -> &'static str { x }";
        assert!(state_in_statics(&file(text)).is_empty());
    }
}
