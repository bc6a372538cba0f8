import { registryPurl } from '../purl.js';
import { fieldsOf, get, type LockedPackage, type Lockfile, lockedPackage, malformed, textOf } from './lockfile.js';
import { parseYamlLock } from './pnpm.js';

/** yarn.lock of yarn 1 (its own format) and of yarn 2 and later (YAML with `__metadata`). */
export function parseYarnLock(text: string): Lockfile {
  return /^__metadata:/m.test(text) ? berry(text) : classic(text);
}

/** One entry of yarn.lock, as it stands there. */
export interface Stanza {
  readonly descriptors: readonly string[];
  readonly fields: Map<string, string>;
  readonly requires: string[];
}

function unquote(text: string): string {
  return text.replace(/^"(.*)"$/s, '$1');
}

/** The entries of yarn.lock of yarn 1 in order; `requires` are descriptors, `name@range`. */
export function stanzas(text: string): readonly Stanza[] {
  const found: Stanza[] = [];
  let current: Stanza | undefined;
  let block = '';
  for (const [number, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (!line.startsWith(' ')) {
      if (!line.endsWith(':')) throw malformed('yarn', `line ${number + 1} is no entry`);
      const descriptors = [...line.slice(0, -1).matchAll(/"[^"]*"|[^,\s][^,]*/g)].map(([part]) => unquote(part.trim()));
      current = { descriptors, fields: new Map(), requires: [] };
      found.push(current);
      block = '';
      continue;
    }
    if (current === undefined) throw malformed('yarn', `line ${number + 1} stands outside of an entry`);
    const item = /^( {2,4})("[^"]*"|[^\s"]+)(?: (.*)|:)$/.exec(line);
    if (item === null) throw malformed('yarn', `line ${number + 1} is no field`);
    const [, indent = '', name = '', value] = item;
    if (indent.length === 2) {
      block = value === undefined ? name.replace(/:$/, '') : '';
      if (value !== undefined) current.fields.set(unquote(name), unquote(value));
    } else if (block === 'dependencies' || block === 'optionalDependencies') {
      current.requires.push(`${unquote(name)}@${unquote(value ?? '')}`);
    }
  }
  return found;
}

function classicName(descriptor: string): string {
  const name = descriptor.slice(0, descriptor.indexOf('@', 1));
  const alias = /@npm:((?:@[^/]+\/)?[^@]+)@/.exec(descriptor.slice(name.length));
  return alias?.[1] ?? name;
}

function classicSource(resolved: string): LockedPackage['source'] {
  if (/^git[+:@]|\.git(?:#|$)/.test(resolved) || resolved.includes('codeload.github.com')) return 'git';
  if (resolved.startsWith('file:') || resolved === '') return 'local';
  return 'registry';
}

function classic(text: string): Lockfile {
  const entries = stanzas(text).filter(({ fields }) => fields.has('version'));
  if (entries.length === 0 && !text.includes('yarn lockfile v1')) throw malformed('yarn', 'it has no entry');
  const keyOf = new Map(entries.flatMap(({ descriptors }) => descriptors.map((item) => [item, descriptors[0] ?? ''])));
  const packages = entries.map(({ descriptors, fields, requires }) => {
    const [key = ''] = descriptors;
    const name = classicName(key);
    const version = fields.get('version') ?? '';
    const resolved = fields.get('resolved') ?? '';
    const source = classicSource(resolved);
    const purl = source === 'registry' ? registryPurl('npm', name, version) : undefined;
    const integrity = fields.get('integrity');
    return lockedPackage({
      key,
      ...(purl === undefined ? {} : { purl }),
      ecosystem: 'npm',
      name,
      version,
      source,
      // The fragment of a resolved address alone is SHA-1: no integrity that anybody should trust, so not reported as one.
      integrity: integrity === undefined ? [] : [integrity],
      requires: requires.map((item) => keyOf.get(item)).filter((item) => item !== undefined),
    });
  });
  return { kind: 'yarn', version: '1', packages, unresolved: [], counts: {} };
}

function berry(text: string): Lockfile {
  const document = parseYamlLock('yarn', text, 'failsafe');
  const entries = Object.entries(document).filter(([key]) => key !== '__metadata');
  const split = (key: string) => key.split(/,\s*/);
  const keyOf = new Map(entries.flatMap(([key]) => split(key).map((descriptor) => [descriptor, key])));
  const resolutionOf = (value: unknown) => textOf(get(value, 'resolution'));
  const isWorkspace = (value: unknown) => resolutionOf(value).includes('@workspace:');
  const own = entries.filter(([, value]) => isWorkspace(value));
  const edges = (value: unknown) =>
    Object.entries(fieldsOf(get(value, 'dependencies')))
      .map(([name, range]) => keyOf.get(`${name}@${textOf(range)}`) ?? keyOf.get(`${name}@npm:${textOf(range)}`))
      .filter((key) => key !== undefined);
  const direct = new Set(own.flatMap(([, value]) => edges(value)));
  const packages = entries
    .filter(([, value]) => !isWorkspace(value))
    .map(([key, value]) => {
      const resolution = resolutionOf(value);
      const at = resolution.indexOf('@', 1);
      if (at <= 0) throw malformed('yarn', 'an entry has no resolution');
      const [name, reference] = [resolution.slice(0, at), resolution.slice(at + 1)];
      const version = String(get(value, 'version') ?? '');
      const source =
        reference.startsWith('npm:') || reference.startsWith('patch:') ? 'registry' : berrySource(reference);
      const purl = source === 'registry' ? registryPurl('npm', name, version) : undefined;
      const checksum = textOf(get(value, 'checksum'));
      return lockedPackage({
        key,
        ...(purl === undefined ? {} : { purl }),
        ecosystem: 'npm',
        name,
        version,
        source,
        direct: direct.has(key),
        integrity: checksum === '' ? [] : [checksum],
        requires: edges(value),
      });
    });
  const version = String(get(document.__metadata, 'version') ?? '');
  return { kind: 'yarn', version, packages, unresolved: [], counts: { workspaces: own.length } };
}

function berrySource(reference: string): LockedPackage['source'] {
  if (/git|#commit=/.test(reference)) return 'git';
  return /^(?:file|portal|link):/.test(reference) ? 'local' : 'url';
}
