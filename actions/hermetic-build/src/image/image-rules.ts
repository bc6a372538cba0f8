import { createGunzip } from 'node:zlib';
import { LimitStream } from '@paved/digest';
import type { Content, Descriptor } from '@paved/oci';
import { extract } from 'tar-stream';
import type { BuiltImage } from './build-image.js';
import { invalidImage } from './description.js';

export type ImageRule = 'image-root-user' | 'image-shell' | 'image-package-manager' | 'image-base-unapproved';

export interface ImageFinding {
  readonly rule: ImageRule;
  readonly platform: string;
  readonly detail: string;
}

const SHELLS = /^\/(?:usr\/)?(?:local\/)?s?bin\/(?:sh|bash|dash|ash|zsh|ksh|fish|busybox|toybox)$/;
const PACKAGE_MANAGERS =
  /^\/(?:usr\/)?(?:local\/)?s?bin\/(?:apk|apt|apt-get|dpkg|rpm|yum|dnf|microdnf|zypper|pacman|pip3?|npm|npx|yarn|pnpm|gem|cargo|conda)$/;
const MAX_UNPACKED_BYTES = 16 * 1024 ** 3;

/**
 * Holds an image to the rules of what may be released: no root user, no shell and no package manager in what the layers leave, and a
 * base only from the list.
 * @param approvedBases digests; `undefined`: any, because a base is by digest in any case
 */
export async function imageFindings(
  { images }: BuiltImage,
  baseDigest: string | undefined,
  approvedBases: readonly string[] | undefined,
): Promise<readonly ImageFinding[]> {
  const findings: ImageFinding[] = [];
  for (const { platform, config, paths, base, baseLayers } of images) {
    const add = (rule: ImageRule, detail: string) => findings.push({ rule, platform, detail });
    const settings = config.config as { readonly User?: string };
    const user = (settings.User ?? '').split(':')[0] ?? '';
    if (user === '' || user === 'root' || /^0+$/.test(user)) add('image-root-user', 'it runs as root');
    const left = new Set<string>();
    for (const layer of baseLayers) applyLayer(left, await namesOf(base, layer));
    for (const path of paths) left.add(path);
    for (const path of [...left].sort()) {
      if (SHELLS.test(path)) add('image-shell', `it has ${path}`);
      if (PACKAGE_MANAGERS.test(path)) add('image-package-manager', `it has ${path}`);
    }
    if (baseDigest !== undefined && approvedBases?.includes(baseDigest) === false) {
      add('image-base-unapproved', `its base ${baseDigest} is not on the list`);
    }
  }
  return findings;
}

/** A whiteout takes away what lies below (image-spec 1.1, "Whiteouts"). */
function applyLayer(left: Set<string>, names: readonly string[]): void {
  for (const name of names) {
    const cut = name.lastIndexOf('/');
    const [folder, file] = [name.slice(0, cut), name.slice(cut + 1)];
    if (!file.startsWith('.wh.')) continue;
    const gone = file === '.wh..wh..opq' ? `${folder}/` : `${folder}/${file.slice('.wh.'.length)}`;
    for (const path of left)
      if (path === gone || path.startsWith(gone.endsWith('/') ? gone : `${gone}/`)) left.delete(path);
  }
  for (const name of names) if (!/\/\.wh\.[^/]*$/.test(name)) left.add(name);
}

async function namesOf(base: Content | undefined, layer: Descriptor): Promise<readonly string[]> {
  const source = base?.blobs.find(({ descriptor }) => descriptor.digest === layer.digest);
  if (source === undefined) throw invalidImage(`layer ${layer.digest} of its base is missing`);
  if (!/tar(?:[.+]gzip)?$/.test(layer.mediaType))
    throw invalidImage(`layer ${layer.digest} of its base is packed as ${layer.mediaType}`);
  const entries = extract();
  const names: string[] = [];
  const bytes = source.open();
  const unpacked = /gzip$/.test(layer.mediaType) ? bytes.pipe(createGunzip()) : bytes;
  bytes.on('error', (error) => entries.destroy(error));
  unpacked.on('error', (error) => entries.destroy(error));
  unpacked
    .pipe(new LimitStream('a layer unpacked', MAX_UNPACKED_BYTES))
    .on('error', (error) => entries.destroy(error))
    .pipe(entries);
  for await (const entry of entries) {
    // A link to a shell is a shell.
    if (entry.header.type !== 'directory') names.push(`/${entry.header.name.replace(/^(?:\.?\/)+/, '')}`);
    entry.resume();
  }
  return names;
}

/** The findings as SARIF 2.1.0, which the gate reads; an image without findings gives a report without results. */
export function imageRulesSarif(findings: readonly ImageFinding[]): unknown {
  const rules = [...new Set(findings.map(({ rule }) => rule))].sort();
  return {
    version: '2.1.0',
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    runs: [
      {
        tool: {
          driver: {
            name: 'paved-image-rules',
            rules: rules.map((id) => ({ id, properties: { 'security-severity': '7.0' } })),
          },
        },
        results: findings.map(({ rule, platform, detail }) => ({
          ruleId: rule,
          level: 'error',
          message: { text: `${platform}: ${detail}` },
          locations: [{ physicalLocation: { artifactLocation: { uri: 'image.yaml' } } }],
        })),
      },
    ],
  };
}
