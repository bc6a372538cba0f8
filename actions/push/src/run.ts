import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  assertRemoteManifest,
  attachReferrers,
  buildPushReceipt,
  type OciLayout,
  type PushedContent,
  type PushReceipt,
  pushContent,
  pushTags,
  referenceText,
} from '@paved/oci';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { parseTrustedRoot } from '@paved/sigstore';
import type { definition } from './definition.js';
import { PushError } from './error.js';
import { assertEvidence, collectEvidence, type Evidence, NO_EVIDENCE } from './evidence.js';
import { identityPolicy } from './identity-policy.js';
import { prepareLayout } from './prepare-layout.js';
import { readBundles } from './read-bundles.js';
import { summarise } from './summarise.js';
import { parseTarget, type Target } from './target.js';

type Inputs = InputsOf<typeof definition>;
type Placed = Pick<PushedContent, 'digest' | 'bytes'> & Partial<PushedContent>;

/** Checks everything that can be checked on this machine first; the registry sees nothing of a push that would be refused. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  let folder: Promise<string> | undefined;
  const workDir = () => (folder ??= context.workDir());
  const target = inputs.mode === 'layout' ? undefined : await parseTarget(inputs, context.http);
  const layout = await prepareLayout(inputs, workDir);
  const local = { digest: layout.root.digest, 'layout-path': layout.path };
  if (target === undefined) return local;
  const evidence = await gatherEvidence(inputs, layout, context);
  const { repository, tags } = target;
  if (tags.length > 0 && !inputs['allow-unsigned']) assertEvidence(inputs.require, layout, evidence);
  const placed =
    inputs.mode === 'tag' ? await confirm(target, layout, evidence) : await place(target, layout, evidence);
  if (tags.length > 0) {
    await pushTags({ repository, manifest: layout.root, tags, moveTag: inputs['move-tag'] });
  }
  const receipt = buildPushReceipt({
    repository,
    content: placed,
    referrers: evidence.referrers,
    tags,
    allowUnsigned: inputs['allow-unsigned'],
  });
  return { ...local, ...(await report(receipt, target, await workDir(), context)) };
}

async function gatherEvidence(inputs: Inputs, layout: OciLayout, context: ActionContext): Promise<Evidence> {
  const bundles = await readBundles(inputs['bundles-path'] ?? []);
  if (bundles.length === 0) return NO_EVIDENCE;
  const root = inputs['trusted-root'];
  if (root === undefined) {
    throw new PushError('PUSH_INPUT_INVALID', 'Cannot attach the bundles: trusted-root is empty', {
      hint: 'Nothing is attached before it verifies; give the trusted root of the instance that signed',
    });
  }
  const policy = identityPolicy(inputs, new URL(context.runner.serverUrl).host);
  return collectEvidence({ bundles, layout, trustedRoot: parseTrustedRoot(root), policy });
}

async function place({ repository, mountFrom }: Target, layout: OciLayout, evidence: Evidence): Promise<Placed> {
  return await pushContent({ repository, layout, referrers: evidence.referrers, mountFrom });
}

/** What an earlier step pushed by digest must still be there byte for byte; then later evidence is attached. */
async function confirm({ repository }: Target, layout: OciLayout, evidence: Evidence): Promise<Placed> {
  for (const manifest of layout.manifests) await assertRemoteManifest(repository, manifest);
  return { digest: layout.root.digest, bytes: await attachReferrers(repository, evidence.referrers) };
}

async function report(receipt: PushReceipt, { client, repository }: Target, folder: string, context: ActionContext) {
  const path = join(folder, 'receipt.json');
  await writeFile(path, `${JSON.stringify(receipt, null, 2)}\n`, { flag: 'wx' });
  summarise(receipt, context);
  const { digest } = receipt;
  const reference = `${referenceText({ registry: client.registry, repository: repository.name })}@${digest}`;
  return { reference, 'receipt-path': path };
}
