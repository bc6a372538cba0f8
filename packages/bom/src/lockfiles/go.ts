import { registryPurl } from '../purl.js';
import { type Lockfile, lockedPackage, malformed } from './lockfile.js';

const SUM_LINE = /^(\S+) (v\S+) (h1:[A-Za-z0-9+/]{43}=)$/;

/** go.sum: modules whose archive is fixed; lines of `/go.mod` alone fix a requirement list, not a module that is used. */
export function parseGoSum(text: string): Lockfile {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const parsed = lines.map((line, index) => {
    const match = SUM_LINE.exec(line);
    if (match === null) throw malformed('go.sum', `line ${index + 1} is not "module version h1:hash"`);
    return { name: match[1] ?? '', version: match[2] ?? '', hash: match[3] ?? '' };
  });
  const archives = parsed.filter(({ version }) => !version.endsWith('/go.mod'));
  return {
    kind: 'go.sum',
    version: '',
    packages: archives.map(({ name, version, hash }) => goPackage(name, version, { integrity: [hash] })),
    unresolved: [],
    counts: {
      goModLines: parsed.length - archives.length,
      modules: new Set(parsed.map(({ name }) => name)).size,
      lines: parsed.length,
    },
  };
}

function goPackage(name: string, version: string, more: { integrity?: readonly string[]; direct?: boolean }) {
  const purl = registryPurl('golang', name, version);
  return lockedPackage({
    key: `${name}@${version}`,
    ...(purl === undefined ? {} : { purl }),
    ecosystem: 'Go',
    name,
    version,
    ...more,
  });
}

/** go.mod: what is required, direct and indirect. `replace` is counted and not applied: the replacement is another module. */
export function parseGoMod(text: string): Lockfile {
  let root = '';
  let block = '';
  const counts = { replace: 0, tool: 0 };
  const packages = [];
  for (const [number, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.replace(/^\s*\/\/.*$/, '').trim();
    if (line === '') continue;
    if (block !== '' && /^\)/.test(line)) {
      block = '';
      continue;
    }
    const opens = /^([a-z]+)\s*\($/.exec(line);
    if (opens !== null) {
      block = opens[1] ?? '';
      continue;
    }
    const word = block === '' ? (/^[a-z]+/.exec(line)?.[0] ?? '') : block;
    const rest = block === '' ? line.slice(word.length).trim() : line;
    if (word === 'module') root = rest.replace(/^"(.*)"$/, '$1');
    else if (word === 'replace') counts.replace++;
    else if (word === 'tool') counts.tool++;
    else if (word === 'require') {
      const match = /^"?([^\s"]+)"?\s+(v[^\s]+)(?:\s*\/\/\s*(.*))?$/.exec(rest);
      if (match === null) throw malformed('go.mod', `line ${number + 1} is no requirement`);
      packages.push(goPackage(match[1] ?? '', match[2] ?? '', { direct: !/^indirect\b/.test(match[3] ?? '') }));
    }
  }
  if (root === '') throw malformed('go.mod', 'it names no module');
  return { kind: 'go.mod', version: '', root, packages, unresolved: [], counts };
}
