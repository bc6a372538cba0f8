import type { Content } from '@paved/oci';
import { imageSarif } from './image-sarif.js';
import { blobOf, fieldsOf, imagesOfLayout, type LayoutImage } from './layout-images.js';
import { MergedTree } from './merged-tree.js';
import { readTar } from './tar-reader.js';
import { unpackedLayer } from './unpacked-layer.js';

export type ImageRule = 'image-root-user' | 'image-shell' | 'image-package-manager' | 'image-base-unapproved';

export interface ImageFinding {
  readonly rule: ImageRule;
  readonly platform: string;
  readonly detail: string;
}

const SHELLS = /^\/(?:usr\/)?(?:local\/)?s?bin\/(?:sh|bash|dash|ash|zsh|ksh|fish|busybox|toybox)$/;
const PACKAGE_MANAGERS =
  /^\/(?:usr\/)?(?:local\/)?s?bin\/(?:apk|apt|apt-get|dpkg|rpm|yum|dnf|microdnf|zypper|pacman|pip3?|npm|npx|yarn|pnpm|gem|cargo|conda)$/;

/**
 * Holds the images of a layout to the rules of what may be released: no root user, no shell and no package manager in what the layers
 * leave, and bases only from the list.
 * @param bases digests of the images that it is based on
 * @param approvedBases digests; `undefined`: any, because a base is by digest in any case
 */
export async function imageFindings(
  layout: Content,
  bases: readonly string[],
  approvedBases: readonly string[] | undefined,
): Promise<readonly ImageFinding[]> {
  const findings: ImageFinding[] = [];
  for (const image of await imagesOfLayout(layout)) {
    const add = (rule: ImageRule, detail: string) => findings.push({ rule, platform: image.platform, detail });
    const user = String(fieldsOf(image.config.config).User ?? '').split(':')[0] ?? '';
    if (user === '' || user === 'root' || /^0+$/.test(user)) add('image-root-user', 'it runs as root');
    for (const path of await pathsOf(layout, image)) {
      if (SHELLS.test(path)) add('image-shell', `it has ${path}`);
      if (PACKAGE_MANAGERS.test(path)) add('image-package-manager', `it has ${path}`);
    }
    for (const base of bases) {
      if (approvedBases?.includes(base) === false) add('image-base-unapproved', `its base ${base} is not on the list`);
    }
  }
  return findings;
}

/** What the layers leave, without folders; a link to a shell is a shell. */
async function pathsOf(layout: Content, { manifest }: LayoutImage): Promise<readonly string[]> {
  const tree = new MergedTree();
  for (const layer of manifest.layers) {
    tree.startLayer();
    for await (const { content: _, ...entry } of readTar(unpackedLayer(blobOf(layout, layer)))) tree.add(entry);
  }
  return tree.entries().flatMap(([path, { entry }]) => (entry.type === 'directory' ? [] : [path]));
}

export function imageRulesSarif(findings: readonly ImageFinding[]): unknown {
  const texts = findings.map(({ rule, platform, detail }) => ({ rule, text: `${platform}: ${detail}` }));
  return imageSarif('paved-image-rules', 'image.yaml', texts);
}
