import { createHash } from 'node:crypto';
import { zipArchive } from './zip-archive.js';

export interface SampleWheel {
  readonly file: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

export function sha256Hex(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A wheel that pip accepts, of one module; `metadata` may lie. */
export async function wheel(
  name: string,
  version: string,
  source: string,
  { tag = 'py3-none-any', metadata = '' } = {},
): Promise<SampleWheel> {
  const info = `${name}-${version}.dist-info`;
  const files: Record<string, string> = {
    [`${name}.py`]: source,
    [`${info}/METADATA`]: metadata || `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n\nNo words.\n`,
    [`${info}/WHEEL`]: `Wheel-Version: 1.0\nGenerator: sample\nRoot-Is-Purelib: true\nTag: ${tag}\n`,
  };
  const record = Object.keys(files)
    .map((path) => `${path},,\n`)
    .join('');
  const bytes = await zipArchive({ ...files, [`${info}/RECORD`]: `${record}${info}/RECORD,,\n` });
  return { file: `${name}-${version}-${tag}.whl`, bytes, sha256: sha256Hex(bytes) };
}

/** Pages of a simple index and the files that they point at, by path. */
export function indexPages(
  projects: Readonly<Record<string, readonly SampleWheel[]>>,
): Record<string, string | Buffer> {
  const pages: Record<string, string | Buffer> = {};
  for (const [project, files] of Object.entries(projects)) {
    const links = files.map(({ file, sha256 }) => `<a href="../../files/${file}#sha256=${sha256}">${file}</a><br/>`);
    pages[`/simple/${project}/`] = `<!DOCTYPE html>\n<html><body>\n${links.join('\n')}\n</body></html>`;
    for (const { file, bytes } of files) pages[`/files/${file}`] = bytes;
  }
  return pages;
}

export async function pythonSample() {
  const greet = await wheel('greet_words', '1.2.0', 'from leaf import NAME\nTEXT = "hello " + NAME\n');
  const foreign = await wheel('greet_words', '1.2.0', 'TEXT = "wrong"\n', { tag: 'cp27-cp27m-win32' });
  const leaf = await wheel('leaf', '0.3', 'NAME = "leaf"\n');
  const requirements = `# compiled
--index-url https://example.invalid/simple
greet-words==1.2.0 \\
    --hash=sha256:${foreign.sha256} \\
    --hash=sha256:${greet.sha256}
leaf==0.3 ; python_version >= "3.2" --hash=sha256:${leaf.sha256}
winonly==1.0 ; sys_platform == "win32" --hash=sha256:${'0'.repeat(64)}
`;
  const files: Record<string, string> = {
    'requirements.txt': requirements,
    'pyproject.toml': '[project]\nname = "Sample.App"\nversion = "2.0.0"\nlicense = "Apache-2.0"\n',
    'build.py': 'import greet_words, os, sys\nos.mkdir("out")\nopen("out/said", "w").write(greet_words.TEXT + "\\n")\n',
  };
  return { served: indexPages({ 'greet-words': [foreign, greet], leaf: [leaf] }), greet, leaf, files };
}
