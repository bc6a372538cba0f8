import { tarball } from './npm-registry.js';
import { sha256Hex } from './python-sample.js';

const ORIGIN = 'registry+https://github.com/rust-lang/crates.io-index';

export async function crate(name: string, version: string, files: Readonly<Record<string, string>>, dependencies = '') {
  const manifest = `[package]\nname = "${name}"\nversion = "${version}"\nedition = "2021"\n${dependencies}`;
  const entries = Object.entries({ 'Cargo.toml': manifest, ...files });
  const bytes = await tarball(entries.map(([path, text]) => ({ name: `${name}-${version}/${path}`, text })));
  return { bytes, sha256: sha256Hex(bytes), path: `/dl/${name}/${version}/download` };
}

/** A program that needs one crate, which needs another. */
export async function cargoSample() {
  const leaf = await crate('leaf', '0.3.0', { 'src/lib.rs': 'pub const NAME: &str = "leaf";\n' });
  const greet = await crate(
    'greet-words',
    '1.2.0',
    { 'src/lib.rs': 'pub fn text() -> String { format!("hello {}", leaf::NAME) }\n' },
    '[dependencies]\nleaf = "0.3"\n',
  );
  const files: Record<string, string> = {
    'Cargo.toml':
      '[package]\nname = "sample"\nversion = "2.0.0"\nedition = "2021"\n\n[dependencies]\ngreet-words = "1.2"\n',
    'Cargo.lock': `version = 4

[[package]]
name = "greet-words"
version = "1.2.0"
source = "${ORIGIN}"
checksum = "${greet.sha256}"
dependencies = [
 "leaf",
]

[[package]]
name = "leaf"
version = "0.3.0"
source = "${ORIGIN}"
checksum = "${leaf.sha256}"

[[package]]
name = "sample"
version = "2.0.0"
dependencies = [
 "greet-words",
]
`,
    'src/main.rs': 'fn main() { println!("{}", greet_words::text()); }\n',
  };
  const served: Record<string, string | Buffer> = {
    '/config.json': '{"dl":"%BASE%/dl"}',
    [leaf.path]: leaf.bytes,
    [greet.path]: greet.bytes,
  };
  return { served, leaf, greet, files };
}
