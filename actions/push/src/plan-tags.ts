import {
  assertTagsAllowed,
  type Content,
  isRunnable,
  type Manifest,
  type PlannedTag,
  type Platform,
  parseTag,
  readPlatform,
  type Tag,
} from '@paved/oci';
import type { InputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { invalidInput } from './target.js';

type Inputs = InputsOf<typeof definition>;

const PER_IMAGE = /\{(?:arch|os)\}/;
const DEFAULT_WHOLE = '{version}';
const DEFAULT_IMAGE = '{version}-{arch}';

/**
 * What can be said about the tags before anything is read: that the mode takes any, and that lines without a template are allowed.
 * @throws {OciError} `REGISTRY_NOT_ALLOWED`, `REFERENCE_INVALID`, `TAG_REFUSED`; {PushError} `PUSH_INPUT_INVALID`
 */
export function checkTags(inputs: Inputs): void {
  const { mode, version } = inputs;
  const lines = inputs.tags ?? [];
  const tagging = mode === 'tag' || mode === 'all' || mode === 'rehearse';
  if (!tagging && lines.length > 0) {
    throw invalidInput(`mode ${mode} sets no tag`, 'Leave tags empty, or use mode tag or all');
  }
  if ((mode === 'tag' || mode === 'rehearse') && lines.length === 0 && version === undefined) {
    throw invalidInput(`mode ${mode} has no tags`, 'Give at least one tag, or a version');
  }
  if (version === undefined && lines.some((line) => line.includes(DEFAULT_WHOLE))) {
    throw invalidInput('tags use {version}, and version is empty', 'Set version');
  }
  const whole = lines.filter((line) => !PER_IMAGE.test(line)).map((line) => render(line, version, undefined));
  assertTagsAllowed(whole, inputs['allow-tags'] ?? []);
}

/**
 * Which tag goes on which manifest: those of single images first, those of the whole last, so that an index is not found under its tag
 * before its images are.
 * @throws {OciError} `TAG_REFUSED`, `REFERENCE_INVALID`; {PushError} `PUSH_INPUT_INVALID` when two manifests would get one tag
 */
export async function planTags(inputs: Inputs, content: Content): Promise<readonly PlannedTag[]> {
  if (inputs.mode === 'layout' || inputs.mode === 'content') return [];
  const images = await runnableImages(content);
  const lines = inputs.tags ?? defaultLines(inputs.version, content, images.length);
  const plan = new Map<Tag, Manifest>();
  const add = (tag: Tag, manifest: Manifest) => {
    const other = plan.get(tag);
    if (other !== undefined && other.digest !== manifest.digest) {
      throw invalidInput(
        `${other.digest} and ${manifest.digest} would both be "${tag}"`,
        'Use {arch} and {os} in tags',
      );
    }
    plan.set(tag, manifest);
  };
  for (const line of lines.filter((text) => PER_IMAGE.test(text))) {
    if (images.length === 0) throw invalidInput(`"${line}" needs an image with a platform`, 'Use {version} alone');
    for (const { manifest, platform } of images) add(render(line, inputs.version, platform), manifest);
  }
  for (const line of lines.filter((text) => !PER_IMAGE.test(text))) {
    add(render(line, inputs.version, undefined), content.root);
  }
  assertTagsAllowed([...plan.keys()], inputs['allow-tags'] ?? []);
  return [...plan].map(([tag, manifest]) => ({ tag, manifest }));
}

function defaultLines(version: string | undefined, { root }: Content, images: number): readonly string[] {
  if (version === undefined) return [];
  if (images === 0) return [DEFAULT_WHOLE];
  return root.kind === 'index' ? [DEFAULT_IMAGE, DEFAULT_WHOLE] : [DEFAULT_IMAGE];
}

async function runnableImages(content: Content): Promise<readonly { manifest: Manifest; platform: Platform }[]> {
  const images: { manifest: Manifest; platform: Platform }[] = [];
  for (const manifest of content.manifests) {
    const platform = await readPlatform(content, manifest);
    if (isRunnable(platform)) images.push({ manifest, platform });
  }
  return images;
}

/** `{arch}` is the architecture with its variant, as in `armv7`. */
function render(line: string, version: string | undefined, platform: Platform | undefined): Tag {
  const values: Readonly<Record<string, string | undefined>> = {
    '{version}': version,
    '{arch}': platform && `${platform.architecture}${platform.variant ?? ''}`,
    '{os}': platform?.os,
  };
  return parseTag(line.replace(/\{[a-z]+\}/g, (name) => values[name] ?? name));
}
