import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { type Asset, readAssets } from './assets.js';
import type { definition } from './definition.js';
import { PublishError } from './error.js';
import { type Release, ReleasesApi, type UploadedAsset } from './releases-api.js';

const VERSION = /^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

/** Draft, assets, read back, publish: until the last call nobody but the maintainers sees anything. */
export async function run(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  const { runner, http } = context;
  const { tag } = inputs;
  if (!VERSION.test(tag))
    throw new PublishError('TAG_INVALID', `Cannot publish ${JSON.stringify(tag)}: it is not vX.Y.Z`, {
      hint: 'Give the tag as v1.2.3',
    });
  const assets = await readAssets(inputs.files);
  const api = new ReleasesApi(http, runner.apiUrl, runner.repository, inputs['github-token']);
  await prepare(api, tag);
  const draft = await api.createDraft(tag, inputs.notes);
  for (const asset of assets) await api.upload(draft, asset);
  await assertComplete(api, await api.get(draft.id), assets);
  const published = await api.publish(draft.id);
  await assertComplete(api, published, assets);
  context.events.emit({ stage: 'publish', event: 'published', name: tag, files: assets.length });
  context.log.notice(`Published ${published.html_url}`);
  return { 'release-id': String(published.id), url: published.html_url };
}

/** A published release is never changed; a draft is what an earlier attempt left. */
async function prepare(api: ReleasesApi, tag: string): Promise<void> {
  // Without the tag the service would make one itself, on whatever the default branch is at that moment.
  if (!(await api.tagExists(tag))) {
    throw new PublishError('TAG_MISSING', `Cannot publish "${tag}": the repository has no such tag`, {
      hint: 'Push the tag first',
    });
  }
  const earlier = await api.withTag(tag);
  if (earlier.some(({ draft }) => !draft)) {
    throw new PublishError('RELEASE_EXISTS', `Cannot publish "${tag}": it is published already`, {
      hint: 'Release the next version; what was published is not changed',
    });
  }
  for (const { id } of earlier) await api.delete(id);
}

async function assertStored(api: ReleasesApi, uploaded: UploadedAsset, { name, bytes, digest }: Asset): Promise<void> {
  const declared = uploaded.digest ?? digest;
  const same = uploaded.name === name && uploaded.size === bytes.length && declared === digest;
  if (same && (await api.storedDigest(uploaded)) === digest) return;
  throw new PublishError('ASSET_CHANGED', `Cannot publish "${name}": the service gives back other bytes`, {
    hint: 'Look at who can write to the repository; a draft is removed by the next run',
  });
}

/** Whoever can write could have added an asset to the draft while it was filled. */
async function assertComplete(api: ReleasesApi, release: Release, assets: readonly Asset[]): Promise<void> {
  const names = (list: readonly { readonly name: string }[]) =>
    list
      .map(({ name }) => name)
      .sort()
      .join('\n');
  if (names(release.assets) !== names(assets)) {
    throw new PublishError('ASSET_CHANGED', 'Cannot trust the release: it has other assets than were uploaded', {
      hint: 'Somebody else changed the draft; delete the release and look into it',
    });
  }
  for (const asset of assets) {
    const stored = release.assets.find(({ name }) => name === asset.name);
    if (stored !== undefined) await assertStored(api, stored, asset);
  }
}
