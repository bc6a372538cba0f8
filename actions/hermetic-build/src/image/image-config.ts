import type { Digest } from '@paved/digest';
import { parseJson, record, unknown } from '@paved/json';
import type { ImageDescription } from './description.js';

type Fields = Readonly<Record<string, unknown>>;

/** The config of an image (image-spec 1.1, "Image Configuration"), with what a base brings below the description's own words. */
export function imageConfig(
  image: ImageDescription,
  platform: string,
  diffId: Digest,
  base: Fields | undefined,
  sourceDateEpoch: number,
): Fields {
  const [os, architecture, variant] = platform.split('/');
  const created = new Date(sourceDateEpoch * 1000).toISOString().replace('.000Z', 'Z');
  const below = fieldsOf(base?.config);
  const config = {
    ...below,
    ...(image.user === undefined ? {} : { User: image.user }),
    ...(image.env === undefined ? {} : { Env: merged(below.Env, image.env) }),
    ...(image.workdir === undefined ? {} : { WorkingDir: image.workdir }),
    ...(image.entrypoint === undefined ? {} : { Entrypoint: image.entrypoint }),
    // A new entrypoint does not take the arguments of the old one.
    ...(image.cmd !== undefined ? { Cmd: image.cmd } : image.entrypoint === undefined ? {} : { Cmd: undefined }),
    ...(image.expose === undefined
      ? {}
      : { ExposedPorts: { ...fieldsOf(below.ExposedPorts), ...ports(image.expose) } }),
    ...(image.volume === undefined ? {} : { Volumes: { ...fieldsOf(below.Volumes), ...keys(image.volume) } }),
    ...(image['stop-signal'] === undefined ? {} : { StopSignal: image['stop-signal'] }),
    ...(image.labels === undefined ? {} : { Labels: { ...fieldsOf(below.Labels), ...image.labels } }),
  };
  const rootfs = fieldsOf(base?.rootfs);
  return {
    created,
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    config: Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)),
    rootfs: { type: 'layers', diff_ids: [...listOf(rootfs.diff_ids), diffId] },
    history: [...listOf(base?.history), { created, created_by: 'paved hermetic-build' }],
  };
}

export function parseBaseConfig(bytes: Buffer): Fields {
  return parseJson('the config of the base image', bytes.toString('utf8'), record(unknown));
}

function merged(below: unknown, own: Readonly<Record<string, string>>): readonly string[] {
  const kept = listOf(below).filter((line) => !Object.hasOwn(own, String(line).split('=')[0] ?? ''));
  return [...kept.map(String), ...Object.entries(own).map(([name, value]) => `${name}=${value}`)];
}

function ports(list: readonly string[]): Fields {
  return keys(list.map((port) => (port.includes('/') ? port : `${port}/tcp`)));
}

function keys(list: readonly string[]): Fields {
  return Object.fromEntries(list.map((key) => [key, {}]));
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
