import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '@paved/json';
import { type Content, openLayout } from '@paved/oci';
import { blobOf, fieldsOf, imagesOfLayout, type LayoutImage } from '../image/layout-images.js';
import { readTar } from '../image/tar-reader.js';
import { unpackedLayer } from '../image/unpacked-layer.js';
import type { FileDifference } from './compare-builds.js';

const MAX_DIFFERENCES = 1000;

export async function isLayout(path: string): Promise<boolean> {
  return await stat(join(path, 'oci-layout')).then(
    (info) => info.isFile(),
    () => false,
  );
}

/**
 * Why two builds of an image have different digests, down to the file in a layer: content, time, mode or owner, order, or the field of
 * the config. Two digests of layouts would only say that something differs. Both images are output of user code.
 */
export async function compareLayouts(first: string, second: string): Promise<readonly FileDifference[]> {
  const [a, b] = [await openLayout(first), await openLayout(second)];
  if (a.root.digest === b.root.digest) return [];
  const [images, others] = [await imagesOfLayout(a), await imagesOfLayout(b)];
  const platforms = [...new Set([...images, ...others].map(({ platform }) => platform))].sort();
  const differences: FileDifference[] = [];
  for (const platform of platforms) {
    const [one, other] = [images, others].map((list) => list.find((image) => image.platform === platform));
    if (one === undefined || other === undefined) differences.push({ path: platform, reason: 'only one build has it' });
    else if (one.manifest.digest !== other.manifest.digest)
      differences.push(...(await compareImages([a, one], [b, other])));
  }
  const digests = { first: a.root.digest, second: b.root.digest };
  if (differences.length === 0)
    return [{ path: 'index.json', ...digests, reason: 'the images are packed in another way' }];
  return differences.slice(0, MAX_DIFFERENCES);
}

type Side = readonly [Content, LayoutImage];

async function compareImages([a, one]: Side, [b, other]: Side): Promise<readonly FileDifference[]> {
  const differences = compareConfigs(one, other);
  const layers = Math.max(one.manifest.layers.length, other.manifest.layers.length);
  for (let index = 0; index < layers; index++) {
    const path = `${one.platform}, layer ${index + 1}`;
    const [x, y] = [one.manifest.layers[index], other.manifest.layers[index]];
    if (x === undefined || y === undefined) differences.push({ path, reason: 'only one build has it' });
    else if (x.digest !== y.digest) {
      const found = compareMembers(path, await membersOf(a, x), await membersOf(b, y));
      const packing = { path, first: x.digest, second: y.digest, reason: 'the same files, packed in another way' };
      differences.push(...(found.length === 0 ? [packing] : found));
    }
  }
  return differences;
}

/** History and the digests of layers follow from the layers; a time of their own in them is told. */
function compareConfigs(one: LayoutImage, other: LayoutImage): FileDifference[] {
  const fields = ({ config: { rootfs: _, history, ...rest } }: LayoutImage) => ({
    ...Object.fromEntries(Object.entries(fieldsOf(rest.config)).map(([name, value]) => [`config.${name}`, value])),
    ...Object.fromEntries(Object.entries(rest).filter(([name]) => name !== 'config')),
    history,
  });
  const [a, b] = [fields(one), fields(other)] as [Record<string, unknown>, Record<string, unknown>];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return names.flatMap((name) => {
    const [x, y] = [a[name], b[name]].map((value) => canonicalJson(value ?? null));
    if (x === y) return [];
    const cure = name === 'created' || name === 'history' ? '; take the time from SOURCE_DATE_EPOCH' : '';
    return [{ path: `${one.platform}, ${name}`, reason: `it is ${plain(x)} and ${plain(y)}${cure}` }];
  });
}

interface Member {
  readonly name: string;
  readonly content: string;
  readonly time: string;
  readonly rights: string;
}

async function membersOf(layout: Content, layer: Parameters<typeof blobOf>[1]): Promise<readonly Member[]> {
  const members: Member[] = [];
  for await (const entry of readTar(unpackedLayer(blobOf(layout, layer)))) {
    const hash = createHash('sha256').update(
      `${entry.type} ${entry.linkname} ${entry.deviceMajor}:${entry.deviceMinor}\0`,
    );
    for await (const chunk of entry.content) hash.update(chunk);
    const xattrs = [...entry.xattrs].map(([name, value]) => `${name}=${value.toString('hex')}`).sort();
    const rights = [entry.mode.toString(8), `${entry.uid}:${entry.gid}`, ...xattrs].join(' ');
    const time = new Date(entry.mtime * 1000).toISOString();
    members.push({ name: entry.name, content: hash.digest('hex'), time, rights });
  }
  return members;
}

function compareMembers(layer: string, a: readonly Member[], b: readonly Member[]): FileDifference[] {
  const others = new Map(b.map((member) => [member.name, member]));
  const names = new Set(a.map(({ name }) => name));
  const differences: FileDifference[] = [];
  const tell = (name: string, reason: string) => differences.push({ path: `${layer}, ${plain(name)}`, reason });
  for (const member of a) {
    const twin = others.get(member.name);
    if (twin === undefined) tell(member.name, 'only one build left it');
    else if (member.content !== twin.content) tell(member.name, 'its content differs');
    else if (member.rights !== twin.rights)
      tell(member.name, `its mode or owner is ${plain(member.rights)} and ${plain(twin.rights)}`);
    else if (member.time !== twin.time)
      tell(member.name, `its time is ${member.time} and ${twin.time}; use SOURCE_DATE_EPOCH`);
  }
  for (const { name } of b) if (!names.has(name)) tell(name, 'only one build left it');
  const order = a.findIndex(({ name }, index) => name !== b[index]?.name);
  if (differences.length === 0 && order !== -1)
    tell(a[order]?.name ?? '', 'the order differs from here on; sort the names');
  return differences;
}

function plain(text: string | undefined): string {
  return (text ?? '').replaceAll(/[^\x20-\x7e]/g, '.').slice(0, 200);
}
