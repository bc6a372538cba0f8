import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseDigest } from '@paved/digest';
import { parseJson, record, string } from '@paved/json';
import type { ArtifactService } from './artifact-service.js';
import type { HandoverCaps } from './caps.js';
import { HandoffError } from './error.js';
import type { PlatformLeg } from './legs.js';
import { parseOrigin } from './origin.js';
import { type ReceivedHandover, receiveHandover } from './receive.js';

export interface LegHandover {
  readonly leg: PlatformLeg;
  readonly artifactId: number;
  readonly digest: Digest;
}

export interface LegOutputs {
  readonly legs: readonly PlatformLeg[];
  /** What was handed over, as the keys name it: `<leg>-<name>-id`, `-sha256` and `-made`. */
  readonly name: string;
  /** `toJSON(needs.<job>.outputs)`. */
  readonly outputs: string;
  readonly runId: string;
  readonly attempt: number;
}

const HEX = /^[0-9a-f]{64}$/;
const ID = /^[1-9][0-9]{0,15}$/;

/**
 * Finds the hand-over of each leg under its own fixed keys, in the order of `legs`. All were made in one attempt of this run: a leg that
 * ran again alone would be put together with what another attempt built.
 * @throws {HandoffError} `HANDOFF_LEG_MISSING`, `HANDOFF_LEG_REPEATED`, `HANDOFF_LEGS_MIXED`, `HANDOFF_OTHER_RUN`,
 *   `HANDOFF_ORIGIN_INVALID`
 */
export function readLegOutputs(options: LegOutputs): readonly LegHandover[] {
  const outputs = parseOutputs(options.outputs);
  const found = options.legs.map((leg) => handoverOf(leg, options.name, outputs));
  for (const { leg, artifactId } of found) {
    const other = found.find((one) => one.leg.key !== leg.key && one.artifactId === artifactId);
    if (other === undefined) continue;
    throw new HandoffError(
      'HANDOFF_LEG_REPEATED',
      `Cannot receive "${options.name}": ${leg.platform} and ${other.leg.platform} name the same artifact ${artifactId}`,
      { hint: 'Let each leg of the matrix write keys of its own, and nothing else' },
    );
  }
  assertOneAttempt(options, outputs);
  return found;
}

/**
 * Receives every leg into a folder of its own, named by its key, below `targetFolder`, which appears complete or not at all.
 * @throws {HandoffError} as {@link receiveHandover}
 */
export async function receiveLegs(
  handovers: readonly LegHandover[],
  options: { readonly targetFolder: string; readonly workspace: string; readonly caps?: Partial<HandoverCaps> },
  service: ArtifactService,
): Promise<readonly ReceivedHandover[]> {
  const { targetFolder, workspace, caps = {} } = options;
  await mkdir(targetFolder);
  try {
    const received: ReceivedHandover[] = [];
    for (const { leg, artifactId, digest } of handovers) {
      const folder = join(targetFolder, leg.key);
      received.push(await receiveHandover({ artifactId, digest, targetFolder: folder, workspace, caps }, service));
    }
    return received;
  } catch (error) {
    await rm(targetFolder, { recursive: true, force: true });
    throw error;
  }
}

type Outputs = ReadonlyMap<string, string>;

function parseOutputs(text: string): Outputs {
  try {
    return new Map(Object.entries(parseJson('the outputs of the legs', text, record(string))));
  } catch (cause) {
    throw new HandoffError('HANDOFF_LEG_MISSING', 'Cannot read the outputs of the legs', {
      cause,
      hint: "Pass them as the expression 'toJSON(needs.<job>.outputs)'",
    });
  }
}

/** Outputs of a leg that failed, or that the service dropped, arrive as empty strings or not at all. */
function handoverOf(leg: PlatformLeg, name: string, outputs: Outputs): LegHandover {
  const [id = '', sha256 = ''] = ['id', 'sha256'].map((part) => outputs.get(`${leg.key}-${name}-${part}`));
  if (ID.test(id) && HEX.test(sha256)) return { leg, artifactId: Number(id), digest: parseDigest(`sha256:${sha256}`) };
  throw new HandoffError(
    'HANDOFF_LEG_MISSING',
    `Cannot receive "${name}" of ${leg.platform}: its id is ${JSON.stringify(id.slice(0, 40))} and its sha256 ${JSON.stringify(sha256.slice(0, 80))}`,
    { hint: `Look at the leg ${leg.platform}; when a re-run left its outputs out, re-run all jobs` },
  );
}

function assertOneAttempt({ legs, name, runId, attempt }: LegOutputs, outputs: Outputs): void {
  const made = legs.map(({ key, platform }) => ({
    platform,
    ...parseOrigin(outputs.get(`${key}-${name}-made`) ?? ''),
  }));
  const stranger = made.find((origin) => origin.runId !== runId || origin.attempt > attempt);
  if (stranger !== undefined) {
    throw new HandoffError(
      'HANDOFF_OTHER_RUN',
      `Cannot receive "${name}" of ${stranger.platform}: attempt ${stranger.attempt} of run ${stranger.runId} made it, this is attempt ${attempt} of run ${runId}`,
      { hint: 'Take hand-overs from the jobs of the same run' },
    );
  }
  if (new Set(made.map((origin) => origin.attempt)).size === 1) return;
  const list = made.map((origin) => `${origin.platform} in attempt ${origin.attempt}`);
  throw new HandoffError(
    'HANDOFF_LEGS_MIXED',
    `Cannot receive "${name}": the legs were not built in one attempt (${list.join(', ')})`,
    { hint: 'Re-run all jobs: what is put together is built together' },
  );
}
