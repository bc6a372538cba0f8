import { array, boolean, object, optional, parseJson, record, string, unknown } from '@paved/json';
import { type CliResult, paved } from './cli.js';
import { PLATFORM, type World } from './world.js';

export interface Verification {
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly code?: string | undefined;
    readonly detail?: string;
  }[];
}

export interface Expected {
  readonly repositoryId: string;
  readonly ownerId: string;
}

const verification = object({
  ok: boolean,
  checks: array(object({ name: string, ok: boolean, code: optional(string), detail: optional(string) })),
});

const answer = object({
  documents: optional(record(unknown)),
  error: optional(object({ code: string, message: string })),
});

/** Admission's question, asked from a shell: does this image come from that repository, over that workflow at that commit? */
export async function verifyImage(
  world: World,
  reference: string,
  { repositoryId, ownerId }: Expected,
  tag: string,
  workflow = 'release-artifact',
): Promise<Verification> {
  const result = await paved([
    'verify',
    ...['--image', reference],
    ...['--trusted-root', world.trustedRootPath],
    ...['--issuer', world.issuer.url],
    ...['--workflow-path', `${PLATFORM}/.github/workflows/${workflow}.yml`],
    ...['--signer-digests', world.platformCommit],
    ...['--repository-id', repositoryId],
    ...['--owner-id', ownerId],
    ...['--source-ref', 'refs/heads/main'],
    ...['--runner-environment', 'github-hosted'],
    ...['--require', 'provenance\nsbom-cyclonedx\nsbom-spdx\nverdict\nvsa'],
    ...['--tag', tag],
    ...(world.isolation === 'none' ? ['--allow-isolation-none', 'true'] : []),
    '--json',
  ]);
  return readVerification(result);
}

function readVerification({ stdout, stderr }: CliResult): Verification {
  const { documents, error } = parseJson(`the answer of verify (${stderr.slice(-500)})`, stdout, answer);
  const document = documents?.['verification-path'];
  if (document !== undefined) return verification(document);
  return { ok: false, checks: [{ name: 'verify', ok: false, ...error }] };
}
