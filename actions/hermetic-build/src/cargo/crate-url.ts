import type { HttpClient } from '@paved/http';
import { object, string } from '@paved/json';
import { secureAddress } from '../kinds/registries.js';
import type { LockedCrate } from './locked-crate.js';

/** The name that Cargo itself has for the public registry; its sparse index is the host `index` of it. */
const PUBLIC_REGISTRY = 'crates.io';
const MARKER = /\{(crate|version|prefix|lowerprefix|sha256-checksum)\}/g;
const configuration = object({ dl: string });

export function publicIndex(): URL {
  return new URL(`https://index.${PUBLIC_REGISTRY}/`);
}

/** The template of download addresses that a sparse index states (The Cargo Book, "Index Format", "Index Configuration"). */
export async function downloadTemplate(http: HttpClient, index: URL): Promise<string> {
  const url = new URL('config.json', index);
  const { dl } = await (await http.request({ method: 'GET', url, redirect: 'follow' })).json(configuration);
  secureAddress('cargo', dl.replaceAll(MARKER, 'x'));
  return dl;
}

export function crateUrl(template: string, { name, version, sha256 }: LockedCrate): URL {
  if (template.match(MARKER) === null) return new URL(`${template.replace(/\/$/, '')}/${name}/${version}/download`);
  const values: Readonly<Record<string, string>> = {
    crate: name,
    version,
    prefix: prefixOf(name),
    lowerprefix: prefixOf(name.toLowerCase()),
    'sha256-checksum': sha256,
  };
  return new URL(template.replaceAll(MARKER, (_all, key: string) => values[key] ?? ''));
}

/** Folders of an index: names of one and two letters under `1` and `2`, of three under `3/x`, else `xx/yy`. */
function prefixOf(name: string): string {
  if (name.length < 3) return String(name.length);
  return name.length === 3 ? `3/${name[0]}` : `${name.slice(0, 2)}/${name.slice(2, 4)}`;
}
