import { join } from 'node:path';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { parseTrustedRoot } from '@paved/sigstore';
import { listenForCancellation } from './cancellation.js';
import { newConnect } from './connect.js';
import type { definition } from './definition.js';
import { PushError } from './error.js';
import {
  assertEvidence,
  collectCopied,
  collectEvidence,
  type Evidence,
  mergeEvidence,
  NO_EVIDENCE,
} from './evidence.js';
import { identityPolicy } from './identity-policy.js';
import { writeManifestChecksums } from './manifest-checksums.js';
import { contactsNothing, openSource, removeSpooled, type Source } from './open-source.js';
import { checkTags, planTags } from './plan-tags.js';
import { progressLog } from './progress.js';
import { pushEverywhere, type TargetOutcome } from './push-everywhere.js';
import { readBundles } from './read-bundles.js';
import { buildPushReceipts, writeDocument } from './receipts.js';
import { rehearsePush } from './rehearse.js';
import { summarise, summariseTargets } from './summarise.js';
import { invalidInput, parseMustSucceed, parseTargets, type Target } from './target.js';

type Inputs = InputsOf<typeof definition>;

/** Checks everything that can be checked on this machine first; the targets see nothing of a push that would be refused. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  // Without a request there is nothing to end: the signal ends the process, as it does everywhere.
  if (contactsNothing(inputs)) return await runUntil(new AbortController().signal, inputs, context);
  const { signal, dispose } = listenForCancellation();
  try {
    return await runUntil(signal, inputs, context);
  } finally {
    dispose();
  }
}

/** @param cancelled ends every request; its reason is the error */
export async function runUntil(
  cancelled: AbortSignal,
  inputs: Inputs,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  let folder: Promise<string> | undefined;
  const workDir = () => (folder ??= context.workDir());
  refuseStrayKey(inputs);
  const connect = await newConnect(inputs, context, cancelled);
  const targets = contactsNothing(inputs) ? [] : await parseTargets(inputs, connect);
  const mustSucceed = targets.length === 0 ? 0 : parseMustSucceed(inputs['must-succeed'], targets.length);
  checkTags(inputs);
  const source = await openSource(inputs, workDir, connect);
  const { content } = source;
  const local = { digest: content.root.digest, 'layout-path': source.layoutPath };
  try {
    if (inputs.mode === 'layout') return { ...local, 'checksums-path': await writeManifestChecksums(content, workDir) };
    return { ...local, ...(await push({ inputs, context, source, workDir, mustSucceed }, targets)) };
  } finally {
    // Mode layout hands the plain archive on.
    await removeSpooled(source, source.layoutPath);
  }
}

interface Push {
  readonly inputs: Inputs;
  readonly context: ActionContext;
  readonly source: Source;
  readonly workDir: () => Promise<string>;
  readonly mustSucceed: number;
}

async function push(
  { inputs, context, source, workDir, mustSucceed }: Push,
  targets: readonly Target[],
): Promise<OutputsOf<typeof definition>> {
  const { content, copied } = source;
  const evidence = await gatherEvidence(inputs, source, context);
  const plan = await planTags(inputs, content);
  if (plan.length > 0 && !inputs['allow-unsigned']) assertEvidence(inputs.require, content, evidence);
  if (inputs.mode === 'rehearse') {
    const folder = join(await workDir(), 'rehearsal');
    await rehearsePush(folder, content, evidence, plan);
    return { 'layout-path': folder };
  }
  const job = { inputs, content, evidence, plan, mustSucceed, copiedFrom: copied?.reference };
  const outcomes = await pushEverywhere({ ...job, onProgress: progressLog(context) }, targets);
  return await report(outcomes, mustSucceed, await workDir(), context);
}

/** A key says nothing about who signed, so it is worth nothing where something is published. */
function refuseStrayKey({ mode, 'public-key': key }: Inputs): void {
  if (key === undefined || mode === 'rehearse') return;
  throw invalidInput(`public-key is for mode rehearse, not for ${mode}`, 'Say who may have signed instead');
}

async function gatherEvidence(inputs: Inputs, source: Source, context: ActionContext): Promise<Evidence> {
  const bundles = await readBundles(inputs['bundles-path'] ?? []);
  const { content, copied } = source;
  if (bundles.length === 0 && copied === undefined) return NO_EVIDENCE;
  const verifying = verificationOf(inputs, context, bundles.length > 0);
  const given = verifying === undefined ? NO_EVIDENCE : collectEvidence({ bundles, layout: content, ...verifying });
  if (copied === undefined) return given;
  return mergeEvidence(await collectCopied(copied.image, verifying), given);
}

/** `undefined` only for a copy that is said to be unsigned. */
function verificationOf(inputs: Inputs, context: ActionContext, hasBundles: boolean) {
  const root = inputs['trusted-root'];
  if (root === undefined && inputs['allow-unsigned'] && !hasBundles) return undefined;
  if (root === undefined) {
    throw new PushError('PUSH_INPUT_INVALID', 'Cannot attach the bundles: trusted-root is empty', {
      hint: 'Nothing is attached before it verifies; give the trusted root of the instance that signed',
    });
  }
  const publicKey = inputs['public-key'];
  const host = new URL(context.runner.serverUrl).host;
  const policy = publicKey === undefined ? identityPolicy(inputs, host) : { publicKey };
  return { trustedRoot: parseTrustedRoot(root), policy };
}

async function report(
  outcomes: readonly TargetOutcome[],
  mustSucceed: number,
  folder: string,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  const receipts = outcomes.flatMap((outcome) => ('receipt' in outcome ? [outcome.receipt] : []));
  const [first] = receipts;
  if (first === undefined) throw new TypeError('Cannot happen: one target must succeed');
  for (const receipt of receipts) summarise(receipt, context);
  if (outcomes.length > 1) summariseTargets(outcomes, context);
  const references = receipts.map(({ registry, repository, digest }) => `${registry}/${repository}@${digest}`);
  return {
    reference: references[0],
    references: references.join('\n'),
    'receipt-path': await writeDocument(folder, 'receipt.json', first),
    'receipts-path': await writeDocument(
      folder,
      'receipts.json',
      buildPushReceipts(first.digest, mustSucceed, outcomes),
    ),
  };
}
