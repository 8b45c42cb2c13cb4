//! Rust source as the greps see it: without comments and without the contents of strings.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A source file: its path below the workspace root and its stripped text.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) code: String,
}

/// Every `.rs` file below `root/folder`, in path order; none when the folder does not exist.
pub(crate) fn files(root: &Path, folder: &str) -> Result<Vec<SourceFile>> {
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths)?;
    paths.sort();
    paths.iter().map(|path| open(root, path)).collect()
}

fn open(root: &Path, path: &Path) -> Result<SourceFile> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let shown = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    Ok(SourceFile { path: shown, code: strip(&text) })
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Blanks comments (nested ones too) and string contents; line breaks stay, so line numbers hold.
pub(crate) fn strip(text: &str) -> String {
    let mut rest = text;
    let mut code = String::with_capacity(text.len());
    while let Some(first) = rest.chars().next() {
        let skipped = blanked_length(rest);
        if skipped == 0 {
            // An identifier goes in one piece, so that its last letter is no raw-string prefix.
            let length =
                rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()).max(first.len_utf8());
            code.push_str(&rest[..length]);
            rest = &rest[length..];
        } else {
            code.push(' ');
            code.extend(rest[..skipped].chars().filter(|c| *c == '\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

/// Letters that make up identifiers.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The bytes at the start of `rest` that are a comment or a literal; 0 when it starts with code.
fn blanked_length(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if rest.starts_with('\'') {
        return character(rest);
    }
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - unprefixed.len();
    if prefix > 1 {
        return 0;
    }
    if unprefixed.starts_with('"') {
        return prefix + quoted(unprefixed);
    }
    let Some(raw) = unprefixed.strip_prefix('r') else { return 0 };
    let hashes = raw.len() - raw.trim_start_matches('#').len();
    if !raw[hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = &raw[hashes + 1..];
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    prefix + 1 + hashes + 1 + length
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest[at..];
        if tail.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal, or 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    let Some((_, first)) = letters.next() else { return 0 };
    if first == '\\' {
        return rest[2..]
            .char_indices()
            .skip(1)
            .find(|(_, c)| *c == '\'')
            .map_or(0, |(at, _)| at + 3);
    }
    match letters.next() {
        Some((at, '\'')) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::strip;

    #[test]
    fn comments_and_strings_vanish_and_lines_stay() {
        let text =
            "a /* x /* y */ z\n*/ b // c\n\"d \\\" e\" f r#\"g \" h\"# i b\"j\"\n'k' '\\'' &'l m";
        let words: Vec<_> = strip(text).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["a", "b", "f", "i", "&'l", "m"]);
        assert_eq!(strip(text).lines().count(), text.lines().count());
    }

    #[test]
    fn an_identifier_that_ends_in_r_is_no_raw_string() {
        assert_eq!(strip("bar # \"x\""), "bar #  ");
        assert_eq!(strip("r#type"), "r#type");
    }
}
