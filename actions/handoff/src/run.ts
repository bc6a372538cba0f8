import { join } from 'node:path';
import { digestHex, parseDigest } from '@paved/digest';
import {
  type ArtifactService,
  assertFresh,
  formatOrigin,
  githubArtifacts,
  parseLegs,
  parseOrigin,
  readLegOutputs,
  receiveAll,
  receiveHandover,
  receiveLegs,
  sendHandover,
} from '@paved/handoff';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { HandoffInputError } from './error.js';

type Inputs = InputsOf<typeof definition>;
type Outputs = OutputsOf<typeof definition>;

const HEX = /^[0-9a-f]{64}$/;
const ID = /^[1-9][0-9]{0,15}$/;

export async function run(
  inputs: Inputs,
  context: ActionContext,
  service: ArtifactService = githubArtifacts(() => context.artifactAccess(), context.http),
): Promise<Outputs> {
  switch (inputs.mode) {
    case 'send':
      return await send(inputs, context, service);
    case 'receive':
      return await receive(inputs, context, service);
    case 'receive-legs':
      return await receiveMatrix(inputs, context, service);
    case 'receive-all':
      return await receiveEvery(inputs, context, service);
  }
}

async function send(inputs: Inputs, context: ActionContext, service: ArtifactService): Promise<Outputs> {
  const { path, name } = inputs;
  if (path === undefined || name === undefined) {
    throw new HandoffInputError('INPUT_MISSING', 'Cannot send files: "name" or "path" is empty', {
      hint: 'Check the outputs of the step that should have written the files',
    });
  }
  const caps = { maxBytes: inputs['max-bytes'] };
  const sent = await sendHandover({ path, name, workFolder: await context.workDir(), caps }, service);
  context.events.emit({
    stage: 'handoff',
    event: 'sent',
    name,
    digest: sent.digest,
    bytes: sent.size,
    files: sent.files,
  });
  context.log.info(`Sent "${name}": ${sent.files} files in ${sent.size} bytes, ${sent.digest}`);
  const { runId, runAttempt } = context.runner;
  const made = formatOrigin({ runId, attempt: Number(runAttempt), at: new Date() });
  return { 'artifact-id': String(sent.artifactId), sha256: digestHex(sent.digest), made };
}

async function receive(inputs: Inputs, context: ActionContext, service: ArtifactService): Promise<Outputs> {
  assertSuccessful(inputs['needs-result']);
  const { artifactId, digest } = parseReference(inputs['artifact-id'] ?? '', inputs.sha256 ?? '');
  assertYoung(inputs, context);
  const received = await receiveHandover(
    {
      artifactId,
      digest,
      targetFolder: join(await context.workDir(), 'files'),
      workspace: context.runner.workspace,
      caps: { maxBytes: inputs['max-bytes'] },
    },
    service,
  );
  context.events.emit({
    stage: 'handoff',
    event: 'received',
    digest,
    bytes: received.size,
    files: received.files.length,
  });
  context.log.info(`Received ${received.files.length} files in ${received.size} bytes, ${digest}`);
  return { path: received.folder };
}

/** Legs of a matrix share the outputs of their job, so each writes keys that begin with its platform; every one of them has to be there. */
async function receiveMatrix(inputs: Inputs, context: ActionContext, service: ArtifactService): Promise<Outputs> {
  assertSuccessful(inputs['needs-result']);
  const { name, outputs, platforms = [] } = inputs;
  if (name === undefined || outputs === undefined) {
    throw new HandoffInputError('INPUT_MISSING', 'Cannot receive the legs: "name" or "outputs" is empty', {
      hint: "Pass outputs as 'toJSON(needs.<job>.outputs)', and name as the keys of the outputs have it",
    });
  }
  const { runId, runAttempt, workspace } = context.runner;
  const attempt = Number(runAttempt);
  const handovers = readLegOutputs({ legs: parseLegs(platforms), name, outputs, runId, attempt });
  const targetFolder = join(await context.workDir(), 'legs');
  const caps = { maxBytes: inputs['max-bytes'] };
  const received = await receiveLegs(handovers, { targetFolder, workspace, caps }, service);
  for (const [index, { leg, digest }] of handovers.entries()) {
    const { size: bytes = 0, files = [] } = received[index] ?? {};
    context.events.emit({
      stage: 'handoff',
      event: 'received',
      name,
      platform: leg.platform,
      digest,
      bytes,
      files: files.length,
    });
    context.log.info(`Received ${files.length} files of ${leg.platform} in ${bytes} bytes, ${digest}`);
  }
  const [only, ...others] = handovers;
  return { path: targetFolder, ...(only && others.length === 0 ? { 'artifact-id': String(only.artifactId) } : {}) };
}

/**
 * Legs of a matrix over what is only known at run time have no outputs of their own, so what they sent is found by name and held to the digest that the service states: less
 * than `receive` asks for, and so never for a job that signs.
 */
async function receiveEvery(inputs: Inputs, context: ActionContext, service: ArtifactService): Promise<Outputs> {
  const { name } = inputs;
  if (name === undefined || name === '') {
    throw new HandoffInputError('INPUT_MISSING', 'Cannot receive the hand-overs: "name" is empty', {
      hint: 'Give what the names of the artifacts begin with',
    });
  }
  const targetFolder = join(await context.workDir(), 'all');
  const received = await receiveAll(
    { prefix: name, targetFolder, workspace: context.runner.workspace, caps: { maxBytes: inputs['max-bytes'] } },
    service,
  );
  context.events.emit({ stage: 'handoff', event: 'received', name, artifacts: received.length });
  context.log.info(`Received ${received.length} artifacts whose names begin with "${name}"`);
  return { path: targetFolder, count: String(received.length) };
}

/** `always()` or `continue-on-error` in a workflow must not carry what a failed job left. */
function assertSuccessful(result: string | undefined): void {
  if (result === 'success') return;
  throw new HandoffInputError(
    'NEED_NOT_SUCCESSFUL',
    `Cannot receive the hand-over: the job that sent it ended as "${result ?? ''}"`,
    { hint: 'Give needs-result as needs.<job>.result, and run the job only when that is success' },
  );
}

function assertYoung({ made, 'max-age': maxAgeMs }: Inputs, { runner }: ActionContext): void {
  if (maxAgeMs === undefined) return;
  const { runId, runAttempt } = runner;
  assertFresh(parseOrigin(made ?? ''), { runId, attempt: Number(runAttempt), now: new Date(), maxAgeMs });
}

/** Outputs of a job that failed, or that the service dropped, arrive as empty strings. */
function parseReference(id: string, sha256: string): { artifactId: number; digest: ReturnType<typeof parseDigest> } {
  if (ID.test(id) && HEX.test(sha256)) return { artifactId: Number(id), digest: parseDigest(`sha256:${sha256}`) };
  throw new HandoffInputError(
    'HANDOFF_REFERENCE_INVALID',
    `Cannot receive the hand-over: artifact-id ${JSON.stringify(id.slice(0, 40))} with sha256 ${JSON.stringify(sha256.slice(0, 80))}`,
    { hint: 'Pass both from the outputs of the job that sent it; an output that is empty was never set' },
  );
}
