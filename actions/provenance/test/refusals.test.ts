import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { describeError } from '@paved/errors';
import { startIssuer } from '@paved/testkit';
import { type Changes, PROVENANCE_AUDIENCE, scenario } from './scenario.js';

const statement = JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: 'x' });
const envelope = JSON.stringify({ payload: 'aGk=', payloadType: 'application/vnd.in-toto+json', signatures: [] });

const TOKENS: readonly (readonly [string, Changes, string, RegExp])[] = [
  ['another repository', { claims: { repository: 'acme/other' } }, 'CLAIM_MISMATCH', /its repository is "acme\/other"/],
  ['another repository id', { claims: { repositoryId: '1' } }, 'CLAIM_MISMATCH', /its repository_id is "1"/],
  ['another owner id', { claims: { ownerId: '1' } }, 'CLAIM_MISMATCH', /its repository_owner_id is/],
  [
    'another workflow',
    { claims: { jobWorkflowRef: 'acme/widget/.github/workflows/release.yml@refs/heads/main' } },
    'CLAIM_MISMATCH',
    /its job_workflow_ref is/,
  ],
  [
    'a workflow whose name continues the expected one',
    { claims: { jobWorkflowRef: 'org/paved/.github/workflows/release-artifact.yml.yml@refs/heads/main' } },
    'CLAIM_MISMATCH',
    /its job_workflow_ref is/,
  ],
  ['another workflow commit', { claims: { jobWorkflowSha: 'f'.repeat(40) } }, 'CLAIM_MISMATCH', /its job_workflow_sha/],
  ['another commit', { claims: { sha: 'e'.repeat(40) } }, 'CLAIM_MISMATCH', /its sha is/],
  ['another ref', { claims: { ref: 'refs/heads/topic' } }, 'CLAIM_MISMATCH', /its ref is/],
  ['another run', { claims: { runId: '1' } }, 'CLAIM_MISMATCH', /its run_id is/],
  ['another attempt', { claims: { runAttempt: '2' } }, 'CLAIM_MISMATCH', /its run_attempt is/],
  ['another event', { claims: { event: 'schedule' } }, 'CLAIM_MISMATCH', /its event_name is "schedule"/],
  [
    'another machine',
    { claims: { runnerEnvironment: 'self-hosted' } },
    'CLAIM_MISMATCH',
    /its runner_environment is "self-hosted"/,
  ],
  ['no workflow', { rawClaims: { job_workflow_ref: undefined } }, 'CLAIM_MISSING', /job_workflow_ref/],
  [
    'a time that is over',
    { token: (issuer, claims) => issuer.sign(claims, { audience: PROVENANCE_AUDIENCE, lifetimeSeconds: -60 }) },
    'TOKEN_EXPIRED',
    /it has expired/,
  ],
  [
    'another audience',
    { token: (issuer, claims) => issuer.sign(claims, { audience: 'sigstore' }) },
    'TOKEN_AUDIENCE_WRONG',
    /its audience is not paved-provenance/,
  ],
  [
    'another issuer',
    {
      async token(_issuer, claims) {
        const other = await startIssuer();
        await other.close();
        return await other.sign(claims, { audience: PROVENANCE_AUDIENCE });
      },
    },
    'ISSUER_UNTRUSTED',
    /from another issuer/,
  ],
  [
    'the signature of another key',
    {
      async token(issuer, claims) {
        const [head, body] = (await issuer.sign(claims, { audience: PROVENANCE_AUDIENCE })).split('.');
        const [, , signature] = (await issuer.sign({}, { audience: PROVENANCE_AUDIENCE })).split('.');
        return `${head}.${body}.${signature}`;
      },
    },
    'TOKEN_SIGNATURE_INVALID',
    /no key of/,
  ],
  [
    'no signature',
    {
      async token(issuer, claims) {
        const [, body] = (await issuer.sign(claims, { audience: PROVENANCE_AUDIENCE })).split('.');
        return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
      },
    },
    'TOKEN_MALFORMED',
    /no signed JWT/,
  ],
  ['no form', { token: async () => 'not-a-token' }, 'TOKEN_MALFORMED', /no signed JWT/],
];

const BUILDS: readonly (readonly [string, Changes, string, RegExp])[] = [
  [
    'an event that strangers can trigger',
    { claims: { event: 'pull_request_target' }, facts: { eventName: 'pull_request_target' } },
    'EVENT_NOT_ALLOWED',
    /pull_request_target/,
  ],
  ['an unprotected ref', { rawClaims: { ref_protected: 'false' } }, 'REF_NOT_PROTECTED', /refs\/heads\/main/],
  [
    'a seal on a self-hosted runner',
    { claims: { runnerEnvironment: 'self-hosted' }, facts: { runnerEnvironment: 'self-hosted' } },
    'RUNNER_NOT_HOSTED',
    /this job runs on/,
  ],
  [
    'a build in a group of the organisation',
    { buildJob: { runnerGroup: 'Default' } },
    'RUNNER_NOT_HOSTED',
    /job "release \/ build"/,
  ],
  ['a build with the self-hosted label', { buildJob: { labels: ['Self-Hosted'] } }, 'RUNNER_NOT_HOSTED', /"release/],
  ['a build of another caller', { buildJob: { name: 'other / build' } }, 'JOB_NOT_FOUND', /job "build"/],
  ['a build under a longer name', { buildJob: { name: 'release / build-all' } }, 'JOB_NOT_FOUND', /job "build"/],
  ['a failed build', { buildJob: { conclusion: 'failure' } }, 'JOB_NOT_SUCCESSFUL', /it is failure/],
  ['a token without actions: read', { sealPermissions: { 'id-token': 'write' } }, 'HTTP_STATUS', /answered 403/],
  [
    'a fetch of another repository',
    { manifest: { source: { repository: 'acme/other', sha: '1f2e3d4c5b6a79880123456789abcdef01234567', path: '.' } } },
    'SOURCE_MISMATCH',
    /its repository is "acme\/other"/,
  ],
  [
    'a fetch of another commit',
    { manifest: { source: { repository: 'acme/widget', sha: 'a'.repeat(40), path: '.' } } },
    'SOURCE_MISMATCH',
    /its commit is/,
  ],
  ['a command that failed', { record: { exitStatus: 2 } }, 'BUILD_FAILED', /ended with 2/],
  ['an isolation report that contradicts itself', { isolation: { method: 'none' } }, 'DOCUMENT_MALFORMED', /hermetic/],
  ['no isolation report', { isolation: { mediaType: 'x' } }, 'RECORD_MISSING', /isolation/],
  ['no outputs', { files: {} }, 'SUBJECTS_MISSING', /no outputs/],
  ['an image without its digest', { inputs: { 'image-digest': '' } }, 'INPUT_INVALID', /go together/],
  ['inputs that are no object', { inputs: { 'workflow-inputs': '[]' } }, 'INPUT_INVALID', /workflow-inputs/],
  ['tools without a digest', { inputs: { tools: '{"tools":[{"name":"x","version":"1"}]}' } }, 'INPUT_INVALID', /tools/],
];

const NEEDS: readonly (readonly [string, string])[] = [
  ['a skipped job', '{"build":{"result":"skipped","outputs":{"a":"1"}}}'],
  ['a failed job beside a good one', '{"a":{"result":"success","outputs":{"x":"1"}},"b":{"result":"failure"}}'],
  ['a dropped output', '{"build":{"result":"success","outputs":{"id":""}}}'],
  ['no outputs at all', '{"build":{"result":"success","outputs":{}}}'],
  ['no job', '{}'],
  ['no JSON', 'success'],
];

const PLANTED: readonly (readonly [string, Readonly<Record<string, string | Buffer>>])[] = [
  ['multiple.intoto.jsonl', { 'multiple.intoto.jsonl': 'x' }],
  ['sigstore bundle by name', { 'deep/app.sigstore.json': 'x' }],
  ['signature by name', { 'app.SIG': 'x' }],
  ['attestation by name', { 'out/attestation-app.json': 'x' }],
  ['statement', { 'report.json': statement }],
  ['statement without .json', { data: statement }],
  ['statement behind white space', { 'a.txt': `\n\n   ${statement}` }],
  ['statement behind a byte order mark', { 'a.json': `\ufeff${statement}` }],
  ['statement behind a page of white space', { 'a.json': `${' '.repeat(5000)}${statement}` }],
  ['envelope', { 'x.json': envelope }],
  ['envelope in a list', { 'x.json': `[${envelope}]` }],
  ['one line of many', { 'x.jsonl': `{"a":1}\n${envelope}\n` }],
  ['envelope in a large file', { 'x.json': Buffer.from(`[${envelope},"${'x'.repeat(17 * 1024 * 1024)}"]`) }],
];

async function refused(changes: Changes): Promise<{ code: unknown; text: string }> {
  const outcome = await scenario(changes);
  try {
    const left = await readdir(join(outcome.kit.temp, 'paved', 'provenance')).catch(() => []);
    expect([outcome.outputs, left]).toEqual([undefined, []]);
    const text = describeError(outcome.error);
    const shown = [text, String((outcome.error as Error).stack), outcome.kit.lines.join('\n'), outcome.kit.summary()];
    for (const token of outcome.tokens) expect(shown.join('\n')).not.toContain(token);
    return { code: (outcome.error as { code?: unknown }).code, text };
  } finally {
    await outcome.dispose();
  }
}

describe('a token with', () => {
  test.each(TOKENS)('%s is refused', async (_name, changes, code, message) => {
    const { code: actual, text } = await refused(changes);
    expect([actual, text]).toEqual([code, expect.stringMatching(message)]);
  });
});

describe('a build with', () => {
  test.each(BUILDS)('%s is refused', async (_name, changes, code, message) => {
    const { code: actual, text } = await refused(changes);
    expect([actual, text]).toEqual([code, expect.stringMatching(message)]);
  });

  test.each(NEEDS)('%s among its needs is refused', async (_name, needs) => {
    expect((await refused({ inputs: { 'needs-results': needs } })).code).toBe('NEED_NOT_SUCCESSFUL');
  });

  test.each(PLANTED)('a planted %s is refused', async (_name, files) => {
    expect((await refused({ files: { 'app.tgz': 'fine', ...files } })).code).toBe('PLANTED_STATEMENT');
  });
});
