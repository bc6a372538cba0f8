import { digestHex, sha256 } from '@paved/digest';
import { assertOwners, DEFAULT_POLICY, mergeFloor, type Policy, type PolicyUsed, parsePolicy } from '@paved/gate';
import { HttpError } from '@paved/http';
import { boolean, object, string } from '@paved/json';
import type { ActionContext } from '@paved/runner-kit';
import { parseDocument } from 'yaml';
import { ScanGateError } from './error.js';
import { fetchOwners } from './owners.js';
import { MAX_VEX_BYTES, type VexFile } from './vex.js';
import { BUNDLE_SUFFIX, MAX_BUNDLE_BYTES } from './vex-signature.js';

/** Where a repository keeps its policy; read through the API, never from a checkout that a build could have changed. */
export const POLICY_PATH = '.paved/policy.yml';
const MAX_POLICY_BYTES = 1024 * 1024;
/** Of all documents with their bundles. */
const MAX_VEX_TOTAL_BYTES = 64 * 1024 * 1024;

export interface PolicyInputs {
  readonly policy: string | undefined;
  readonly floor: string | undefined;
  readonly fromRepository: boolean;
  readonly token: string | undefined;
}

export interface EffectivePolicy {
  readonly policy: Policy;
  readonly used: PolicyUsed;
  /** The documents of `vex.documents`, from the commit that the policy is from. */
  readonly vex: readonly VexFile[];
}

/**
 * The policy that decides. With a floor, or for a repository's own policy (where the floor is the default one), the result is
 * never laxer than the floor.
 * @throws {GateError} `POLICY_INVALID`, `EXCEPTION_OWNER_UNKNOWN`
 * @throws {ScanGateError} `POLICY_UNREADABLE`, `POLICY_BRANCH_UNPROTECTED`, `EXCEPTION_FROM_PULL_REQUEST`, `INPUT_INVALID`
 */
export async function readPolicy(inputs: PolicyInputs, context: ActionContext): Promise<EffectivePolicy> {
  const { policy: text, fromRepository } = inputs;
  if (text !== undefined && fromRepository) {
    throw new ScanGateError('INPUT_INVALID', 'Cannot choose a policy: policy and policy-from-repository are both set');
  }
  const own = fromRepository ? await fetchPolicy(inputs.token, context) : given(text);
  if (!fromRepository) assertNotFromPullRequest(own.policy, context);
  if (own.policy.exceptions.knownOwners && !fromRepository) {
    throw new ScanGateError(
      'INPUT_INVALID',
      'Cannot look up the owners of exceptions: the policy is not read from a repository',
      {
        hint: 'Set policy-from-repository, or leave exceptions-known-owners out',
      },
    );
  }
  if (own.policy.vex.documents.length > 0 && !fromRepository) throw documentsOutside('the policy');
  const floorText = inputs.floor;
  const floorSha256 = floorText === undefined ? {} : { floorSha256: digestHex(sha256(floorText)) };
  const used: PolicyUsed = { ...own.used, ...floorSha256 };
  if (floorText === undefined && !fromRepository) return { policy: own.policy, used, vex: [] };
  const floor = floorText === undefined ? DEFAULT_POLICY : parseText('the policy floor', floorText);
  if (floor.vex.documents.length > 0) throw documentsOutside('the policy floor');
  // A repository that says nothing gets the floor, which may itself be laxer than the default.
  return {
    policy: own.used.source === 'default' && floorText !== undefined ? floor : mergeFloor(floor, own.policy),
    used,
    vex: own.vex,
  };
}

/** Beside a policy of the run there is no commit that vouches for them. */
function documentsOutside(what: string): ScanGateError {
  return new ScanGateError('INPUT_INVALID', `Cannot read vex.documents of ${what}: it is not read from a repository`, {
    hint: 'Name them in .paved/policy.yml and set policy-from-repository, or give the files as vex',
  });
}

/** In a pull request, file and workflow are the author's own: an exception there would be granted by who asks for it. */
function assertNotFromPullRequest({ exceptions }: Policy, { runner }: ActionContext): void {
  const event = runner.optional('eventName') ?? '';
  if (exceptions.entries.length === 0 || !event.startsWith('pull_request')) return;
  throw new ScanGateError('EXCEPTION_FROM_PULL_REQUEST', 'Cannot use exceptions that the pull request itself brings', {
    hint: 'Set policy-from-repository, so that they are read from the protected default branch',
  });
}

function given(text: string | undefined): EffectivePolicy {
  if (text === undefined) return { policy: DEFAULT_POLICY, used: { source: 'default' }, vex: [] };
  return {
    policy: parseText('the policy', text),
    used: { source: 'input', sha256: digestHex(sha256(text)) },
    vex: [],
  };
}

function parseText(what: string, text: string): Policy {
  const document = parseDocument(text, { schema: 'core', uniqueKeys: true, strict: true });
  const unreadable = (cause: unknown) =>
    new ScanGateError('POLICY_UNREADABLE', `Cannot read ${what}: it is no YAML without aliases`, { cause });
  const [problem] = document.errors;
  if (problem !== undefined) throw unreadable(problem);
  let value: unknown;
  try {
    // No aliases: a short document must not become a long one.
    value = document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw unreadable(cause);
  }
  return parsePolicy(value);
}

async function fetchPolicy(token: string | undefined, context: ActionContext): Promise<EffectivePolicy> {
  if (token === undefined) {
    throw new ScanGateError('INPUT_INVALID', 'Cannot read the policy of the repository: there is no github-token', {
      hint: 'Set github-token to github.token, and grant contents: read',
    });
  }
  const api = apiClient(token, context);
  const { default_branch: branch } = await api.json('', object({ default_branch: string }));
  const path = `/branches/${branch.split('/').map(encodeURIComponent).join('/')}`;
  const decoder = object({ protected: boolean, commit: object({ sha: string }) });
  const { protected: isProtected, commit } = await api.json(path, decoder);
  if (!isProtected) {
    throw new ScanGateError(
      'POLICY_BRANCH_UNPROTECTED',
      `Cannot trust the policy on "${branch}": it is not protected`,
      {
        hint: 'Protect the default branch, so that nobody changes policy and code in one unreviewed push',
      },
    );
  }
  const text = await api.file(POLICY_PATH, commit.sha);
  const used = { path: POLICY_PATH, commit: commit.sha };
  if (text === undefined) return { policy: DEFAULT_POLICY, used: { source: 'default', ...used }, vex: [] };
  const policy = parseText(`the policy ${POLICY_PATH} at ${commit.sha}`, text);
  if (policy.exceptions.entries.length > 0) {
    const owners = await fetchOwners((path) => api.file(path, commit.sha));
    assertOwners(policy.exceptions.entries, owners);
  }
  return {
    policy,
    used: { source: 'repository', ...used, sha256: digestHex(sha256(text)) },
    vex: await fetchVex(policy.vex.documents, (path, maxBytes) => api.bytes(path, commit.sha, maxBytes)),
  };
}

/** Each document with its bundle; one that the policy names and nobody finds is a mistake, not a statement less. */
async function fetchVex(
  paths: readonly string[],
  read: (path: string, maxBytes: number) => Promise<Buffer | undefined>,
): Promise<readonly VexFile[]> {
  const files: VexFile[] = [];
  let left = MAX_VEX_TOTAL_BYTES;
  for (const name of paths) {
    const bytes = await read(name, Math.min(MAX_VEX_BYTES, left));
    if (bytes === undefined) {
      throw new ScanGateError(
        'FILE_UNREADABLE',
        `Cannot read VEX document "${name}": the default branch does not have it`,
        {
          hint: `Add it, or take it out of vex.documents in ${POLICY_PATH}`,
        },
      );
    }
    const bundle = await read(`${name}${BUNDLE_SUFFIX}`, Math.min(MAX_BUNDLE_BYTES, left));
    left -= bytes.length + (bundle?.length ?? 0);
    if (left < 0) throw tooManyBytes(name);
    files.push({ name, bytes, ...(bundle === undefined ? {} : { bundle: bundle.toString('utf8') }) });
  }
  return files;
}

function tooManyBytes(name: string): ScanGateError {
  return new ScanGateError(
    'FILE_UNREADABLE',
    `Cannot read VEX document "${name}": with those before it there are more than ${MAX_VEX_TOTAL_BYTES} bytes`,
    { hint: 'Leave out statements about versions that are released no more' },
  );
}

/** Only this server's API gets the token; a redirect is refused. */
function apiClient(token: string, { http, runner }: ActionContext) {
  const base = `${runner.apiUrl.replace(/\/$/, '')}/repos/${runner.repository}`;
  const get = (path: string, accept: string) =>
    http.request({
      method: 'GET',
      url: `${base}${path}`,
      headers: { authorization: `Bearer ${token}`, accept, 'x-github-api-version': '2022-11-28' },
    });
  return {
    async json<T>(path: string, decoder: (value: unknown) => T): Promise<T> {
      return await (await get(path, 'application/vnd.github+json')).json(decoder, MAX_POLICY_BYTES);
    },
    /** `undefined` for 404 alone: any other failure is not "no policy". */
    async file(path: string, ref: string): Promise<string | undefined> {
      return (await this.bytes(path, ref, MAX_POLICY_BYTES))?.toString('utf8');
    },
    async bytes(path: string, ref: string, maxBytes: number): Promise<Buffer | undefined> {
      try {
        const at = path.split('/').map(encodeURIComponent).join('/');
        const response = await get(`/contents/${at}?ref=${encodeURIComponent(ref)}`, 'application/vnd.github.raw');
        return await response.bytes(maxBytes);
      } catch (error) {
        if (error instanceof HttpError && error.status === 404) return undefined;
        throw error;
      }
    },
  };
}
