import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { describeError, errorChain } from '@paved/errors';
import { startSigstore } from '@paved/testkit';
import { ARTIFACT_FILE, CYCLONEDX, IMAGE, SPDX, SUBJECTS, statementOf } from './documents.js';
import { type Changes, type Instance, sign, startInstance, WORKFLOW } from './scenario.js';

let instance: Instance;
beforeAll(async () => {
  instance = await startInstance();
});
afterAll(async () => {
  await instance.close();
});
afterEach(() => {
  for (const service of ['fulcio', 'rekor', 'tsa'] as const) delete instance.sigstore.faults[service];
});

const SBOM = 'temp/paved/handoff/sboms/sbom.json';
const SBOMS = { sboms: 'TEMP/paved/handoff/sboms', ...SUBJECTS };
const PROVENANCE = 'temp/paved/provenance/x/provenance.intoto.json';
const STATEMENTS = { statements: 'TEMP/paved/provenance/x/provenance.intoto.json' };
const ENVELOPE = JSON.stringify({ payloadType: 'application/vnd.in-toto+json', payload: 'e30=', signatures: [] });
const OTHER_SBOM = CYCLONEDX.replace(/"content":"[0-9a-f]{64}"/, `"content":"${'9'.repeat(64)}"`);

const REFUSALS: readonly (readonly [string, string, Changes])[] = [
  ['nothing', 'NOTHING_TO_SIGN', {}],
  [
    'a statement among the SBOMs',
    'PLANTED_STATEMENT',
    { files: { ...ARTIFACT_FILE, [SBOM]: statementOf('provenance') }, inputs: SBOMS },
  ],
  [
    'an envelope among the SBOMs',
    'PLANTED_STATEMENT',
    { files: { ...ARTIFACT_FILE, [SBOM]: ENVELOPE }, inputs: SBOMS },
  ],
  [
    'an SBOM that carries a statement inside',
    'PLANTED_STATEMENT',
    {
      files: {
        ...ARTIFACT_FILE,
        [SBOM]: JSON.stringify({ ...JSON.parse(CYCLONEDX), x: JSON.parse(statementOf('vsa')) }),
      },
      inputs: SBOMS,
    },
  ],
  [
    'an SBOM of another artifact',
    'SUBJECT_MISMATCH',
    { files: { ...ARTIFACT_FILE, [SBOM]: OTHER_SBOM }, inputs: SBOMS },
  ],
  [
    'an SBOM without anything that it is about',
    'SUBJECTS_MISSING',
    { files: { [SBOM]: SPDX }, inputs: { sboms: SBOMS.sboms } },
  ],
  ['JSON that is no SBOM', 'SBOM_MALFORMED', { files: { ...ARTIFACT_FILE, [SBOM]: '{"a":1}' }, inputs: SBOMS }],
  [
    'an SBOM that breaks its schema',
    'SBOM_SCHEMA_INVALID',
    {
      files: { ...ARTIFACT_FILE, [SBOM]: CYCLONEDX.replace('"version":1', '"version":"one"') },
      inputs: SBOMS,
    },
  ],
  [
    'a statement that came in a hand-over',
    'STATEMENT_ORIGIN',
    {
      files: { ...ARTIFACT_FILE, 'temp/paved/handoff/p.json': statementOf('provenance') },
      inputs: { ...SUBJECTS, statements: 'TEMP/paved/handoff/p.json' },
    },
  ],
  [
    'a statement from the workspace',
    'STATEMENT_ORIGIN',
    {
      files: { ...ARTIFACT_FILE, 'workspace/p.json': statementOf('provenance') },
      inputs: { ...SUBJECTS, statements: 'p.json' },
    },
  ],
  [
    'a verdict in the folder of provenance',
    'STATEMENT_ORIGIN',
    {
      files: { ...ARTIFACT_FILE, [PROVENANCE]: statementOf('verdict') },
      inputs: { ...SUBJECTS, ...STATEMENTS },
    },
  ],
  [
    'an SBOM statement in statements',
    'STATEMENT_SLOT',
    {
      files: { ...ARTIFACT_FILE, [PROVENANCE]: statementOf('sbom-spdx') },
      inputs: { ...SUBJECTS, ...STATEMENTS },
    },
  ],
  [
    'a signature statement in statements',
    'STATEMENT_SLOT',
    {
      files: { ...ARTIFACT_FILE, [PROVENANCE]: statementOf('signature') },
      inputs: { ...SUBJECTS, ...STATEMENTS },
    },
  ],
  [
    'a statement of an unknown type',
    'STATEMENT_SLOT',
    {
      files: {
        ...ARTIFACT_FILE,
        [PROVENANCE]: statementOf('provenance').replace('slsa.dev/provenance/v1', 'example.com/x'),
      },
      inputs: { ...SUBJECTS, ...STATEMENTS },
    },
  ],
  [
    'provenance of another artifact',
    'SUBJECT_MISMATCH',
    {
      files: { ...ARTIFACT_FILE, [PROVENANCE]: statementOf('provenance', `sha256:${'9'.repeat(64)}`) },
      inputs: { ...SUBJECTS, ...STATEMENTS },
    },
  ],
  [
    'a reserved predicate type',
    'PREDICATE_TYPE_RESERVED',
    {
      files: { ...ARTIFACT_FILE, 'workspace/p.json': '{}' },
      inputs: { ...SUBJECTS, 'predicate-path': 'p.json', 'predicate-type': 'https://slsa.dev/provenance/v1' },
    },
  ],
  [
    'a statement as predicate',
    'PLANTED_STATEMENT',
    {
      files: { ...ARTIFACT_FILE, 'workspace/p.json': statementOf('vsa') },
      inputs: { ...SUBJECTS, 'predicate-path': 'p.json', 'predicate-type': 'https://example.com/x' },
    },
  ],
  [
    'a predicate without type',
    'INPUT_INVALID',
    { files: { 'workspace/p.json': '{}' }, inputs: { 'predicate-path': 'p.json' } },
  ],
  ['half an image', 'INPUT_INVALID', { inputs: { 'image-digest': IMAGE['image-digest'] } }],
  [
    'a file that is signed already',
    'BLOB_ALREADY_SIGNED',
    {
      files: { 'workspace/a': 'a', 'workspace/a.sig': 'old' },
      inputs: { blobs: 'a' },
    },
  ],
  ['a signature as file', 'BLOB_ALREADY_SIGNED', { files: { 'workspace/a.sig': 'old' }, inputs: { blobs: 'a.sig' } }],
  ['a file that is not there', 'FILE_UNREADABLE', { inputs: { blobs: 'absent' } }],
  [
    'a broken trusted root',
    'TRUSTED_ROOT_MALFORMED',
    { files: { 'workspace/a': 'a' }, inputs: { blobs: 'a', 'trusted-root': '{}' } },
  ],
];

const FOREIGN: readonly (readonly [string, Changes['claims']])[] = [
  ['another workflow', { jobWorkflowRef: 'org/paved/.github/workflows/other.yml@refs/tags/v1' }],
  [
    'a workflow whose name begins alike',
    { jobWorkflowRef: 'org/paved/.github/workflows/release-artifact.yml.yml@refs/tags/v1' },
  ],
  ['another commit of the workflow', { jobWorkflowSha: 'd'.repeat(40) }],
  ['another repository of the same name', { repositoryId: '9' }],
  ['another owner', { ownerId: '9' }],
  ['another commit', { sha: 'b'.repeat(40) }],
  ['another run', { runId: '9' }],
  ['another attempt', { runAttempt: '2' }],
  ['another event', { event: 'workflow_dispatch' }],
  ['another ref', { ref: 'refs/heads/topic' }],
  ['a self-hosted runner', { runnerEnvironment: 'self-hosted' }],
];

const BLOB: Changes = { files: { 'workspace/a': 'a', 'workspace/b': 'b' }, inputs: { blobs: 'a\nb' } };

/** Nothing of what a run may write is there. */
function partial(files: readonly string[], given: Changes): readonly string[] {
  return files.filter((name) => !(name in (given.files ?? {})) && !name.endsWith('.jsonl'));
}

describe('refusals', () => {
  test.each(REFUSALS)('%s: %s, before a token is asked for', async (_name, code, changes) => {
    const before = instance.sigstore.requests.length;
    const outcome = await sign(instance, changes);
    expect(outcome.error).toMatchObject({ code });
    expect(outcome.tokens).toHaveLength(0);
    expect(instance.sigstore.requests).toHaveLength(before);
    expect(partial(await outcome.files(), changes)).toEqual([]);
    await outcome.kit.dispose();
  });

  test.each(FOREIGN)('a token of %s is never sent', async (_name, claims) => {
    const before = instance.sigstore.requests.length;
    const outcome = await sign(instance, { ...BLOB, ...(claims === undefined ? {} : { claims }) });
    expect(outcome.error).toMatchObject({ code: 'CLAIM_MISMATCH' });
    expect(instance.sigstore.requests).toHaveLength(before);
    expect(partial(await outcome.files(), BLOB)).toEqual([]);
    await outcome.kit.dispose();
  });

  test.each<[string, Record<string, string>]>([
    ['no commit, as an expression that an old runner does not know leaves it', { 'expected-workflow-sha': '' }],
    ['no path', { 'expected-workflow-path': '' }],
    [
      'a path, and a key',
      { instance: 'key', 'throw-away-key': 'true', 'fulcio-url': '', 'expected-workflow-path': WORKFLOW },
    ],
  ])('an expected workflow with %s is wrong usage, and no token is asked for', async (_name, inputs) => {
    const before = instance.sigstore.requests.length;
    const outcome = await sign(instance, { ...BLOB, inputs: { ...BLOB.inputs, ...inputs } });
    expect(outcome.error).toMatchObject({ code: 'INPUT_INVALID' });
    expect(outcome.tokens).toHaveLength(0);
    expect(instance.sigstore.requests).toHaveLength(before);
    expect(partial(await outcome.files(), BLOB)).toEqual([]);
    await outcome.kit.dispose();
  });

  test('the parts of credentials are masked as they are, however JSON spells them', async () => {
    const credentials = '{"accessKeyId":"AKID","secretAccessKey":"se\\u0063ret/one","sessionToken" : "two\\/parts"}';
    const outcome = await sign(instance, {
      ...BLOB,
      inputs: {
        ...BLOB.inputs,
        ...{ instance: 'key', 'fulcio-url': '', transparency: 'off', 'rekor-url': '' },
        ...{ 'kms-key': 'awskms:///arn:aws:kms:eu-central-1:111122223333:key/1', 'kms-credentials': credentials },
        'kms-url': 'http://127.0.0.1:9',
      },
    });
    expect(outcome.error).toMatchObject({ code: 'KMS_UNAVAILABLE' });
    expect(outcome.kit.masked).toEqual(expect.arrayContaining(['secret/one', 'two/parts']));
    await outcome.kit.dispose();
  });

  test.each([
    ['FULCIO_UNAVAILABLE', 'fulcio', { status: 503 }],
    ['REKOR_UNAVAILABLE', 'rekor', { status: 502 }],
    ['REKOR_REFUSED', 'rekor', { status: 400 }],
    ['TSA_UNAVAILABLE', 'tsa', { status: 500 }],
  ] as const)('%s leaves no partial set', async (code, service, fault) => {
    instance.sigstore.faults[service] = { ...fault };
    const outcome = await sign(instance, BLOB);
    expect(outcome.error).toMatchObject({ code });
    expect(outcome.outputs).toBeUndefined();
    expect(partial(await outcome.files(), BLOB)).toEqual([]);
    await outcome.kit.dispose();
  });

  test('a log that fails in the middle leaves no partial set', async () => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`workspace/f${index}`, `${index}`]));
    const changes: Changes = { files, inputs: { blobs: '*' } };
    const before = instance.sigstore.requests.filter(({ service }) => service === 'rekor').length;
    const watch = setInterval(() => {
      const seen = instance.sigstore.requests.filter(({ service }) => service === 'rekor').length;
      if (seen - before >= 5) instance.sigstore.faults.rekor = { status: 400 };
    }, 1);
    const outcome = await sign(instance, changes);
    clearInterval(watch);
    expect(outcome.error).toMatchObject({ code: 'REKOR_REFUSED' });
    expect(partial(await outcome.files(), changes)).toEqual([]);
    await outcome.kit.dispose();
  });

  test('bundles that the trusted root does not accept are not written', async () => {
    const foreign = await startSigstore({ issuer: instance.issuer });
    const changes = { ...BLOB, inputs: { ...BLOB.inputs, 'trusted-root': foreign.trustedRoot } };
    const outcome = await sign(instance, changes);
    await foreign.close();
    expect(outcome.error).toMatchObject({ code: 'OWN_BUNDLE_REFUSED' });
    expect(partial(await outcome.files(), BLOB)).toEqual([]);
    await outcome.kit.dispose();
  });

  test('a certificate for another repository signs nothing', async () => {
    instance.sigstore.certifiedClaims.repository_id = '9';
    try {
      const outcome = await sign(instance, BLOB);
      expect(outcome.error).toMatchObject({ code: 'CERTIFICATE_CLAIMS_MISMATCH' });
      expect(partial(await outcome.files(), BLOB)).toEqual([]);
      await outcome.kit.dispose();
    } finally {
      delete instance.sigstore.certifiedClaims.repository_id;
    }
  });
});

test('the token is masked and in no error, log, summary, event or file', async () => {
  instance.sigstore.faults.fulcio = { status: 400, body: (body) => body };
  const failed = await sign(instance, BLOB);
  delete instance.sigstore.faults.fulcio;
  const passed = await sign(instance, BLOB);
  expect(passed.error).toBeUndefined();
  for (const outcome of [failed, passed]) {
    const token = outcome.tokens[0] ?? '';
    expect(outcome.kit.masked).toContain(token);
    const texts = [
      describeError(outcome.error),
      ...errorChain(outcome.error).map((link) => (link instanceof Error ? (link.stack ?? '') : '')),
      outcome.kit.lines.join('\n'),
      outcome.kit.summary(),
      JSON.stringify(await outcome.kit.events()),
      ...(await Promise.all((await outcome.files()).map((name) => outcome.read(name)))),
    ];
    const [, payload = '', signature = ''] = token.split('.');
    for (const text of texts) {
      expect(text.includes(signature.slice(0, 40))).toBe(false);
      expect(text.includes(payload.slice(0, 40))).toBe(false);
    }
    await outcome.kit.dispose();
  }
});
