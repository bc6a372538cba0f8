import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '@paved/digest';
import { type ProgramResult, runProgram } from '../program.js';
import { askCosign } from '../sigstore/cosign.js';
import { askGh, type GhQuestion } from '../sigstore/gh.js';
import { defineSuite, type EngineTest, expectThat } from '../suite.js';
import { IDENTITY, type RoadContext, startRoad } from './context.js';

const STATEMENTS = [
  'https://sigstore.dev/cosign/sign/v1',
  'https://slsa.dev/provenance/v1',
  'https://github.com/org/paved/docs/predicates/verdict/v1',
  'https://cyclonedx.org/bom',
  'https://spdx.dev/Document/v2.3',
  'https://slsa.dev/verification_summary/v1',
] as const;

type Test = EngineTest<RoadContext>;

const releases: Test = {
  name: 'the road releases the example on real Fulcio, Rekor v2 and timestamp server',
  async run({ run, published }) {
    const failed = run.jobs.flatMap((job) => job.steps.filter((step) => step.outcome === 'failure'));
    expectThat(
      'every step succeeds',
      run.ok,
      run.error?.message ?? failed.map((step) => step.log.slice(-1500)).join('\n'),
    );
    expectThat('the tag is there', published.tags.join() === '1.0.0', published.tags.join());
    const types = published.bundles.map((bundle) => bundle.predicateType).sort();
    expectThat('one bundle for each statement', types.join() === [...STATEMENTS].sort().join(), types.join());
  },
};

async function cosignOn(context: RoadContext, predicateType: string, artifact: Uint8Array) {
  const found = context.published.bundles.find((bundle) => bundle.predicateType === predicateType);
  const bundle = await readFile(found?.path ?? '', 'utf8');
  const question = { bundle, artifact, identity: IDENTITY, issuer: context.world.issuer.url, predicateType };
  return askCosign(context.engine('cosign'), context.instance, question);
}

const statements: readonly Test[] = STATEMENTS.map((predicateType) => ({
  name: `cosign accepts the road's ${predicateType}, and not for another artifact`,
  async run(context) {
    const manifest = await readFile(context.published.manifestPath);
    const { status, stderr } = await cosignOn(context, predicateType, manifest);
    expectThat('cosign accepts it', status === 0, stderr);
    const other = await cosignOn(context, predicateType, Buffer.concat([manifest, Buffer.from(' ')]));
    expectThat('cosign refuses one byte more', other.status !== 0);
  },
}));

const REPOSITORY = 'acme/example';

/** Asks gh what a deployment asks: the manifest, its source repository, and the workflow at its commit that must have signed. */
async function ghOn(
  { engine, instance, published, world }: RoadContext,
  predicateType: string,
  asked: Partial<GhQuestion> = {},
): Promise<ProgramResult> {
  const found = published.bundles.find((bundle) => bundle.predicateType === predicateType);
  return await askGh(engine('gh'), instance, {
    ...{ bundle: await readFile(found?.path ?? '', 'utf8'), artifact: await readFile(published.manifestPath) },
    ...{ predicateType, identity: IDENTITY, issuer: world.issuer.url, repository: REPOSITORY },
    ...{ signerDigest: world.platformCommit, ...asked },
  });
}

const ghStatements: readonly Test[] = STATEMENTS.map((predicateType) => ({
  name: `gh accepts the road's ${predicateType}, and not for another artifact, another source or another signer`,
  async run(context) {
    const { status, stderr } = await ghOn(context, predicateType);
    expectThat('gh accepts it', status === 0, stderr);
    const manifest = await readFile(context.published.manifestPath);
    const strangers: readonly (readonly [string, Partial<GhQuestion>])[] = [
      ['one byte more', { artifact: Buffer.concat([manifest, Buffer.from(' ')]) }],
      ['another workflow', { identity: IDENTITY.replace('release-artifact.yml', 'release-container.yml') }],
      ['another tag of the workflow', { identity: IDENTITY.replace('@refs/tags/v1', '@refs/tags/v2') }],
      ['another commit of the workflow', { signerDigest: 'd'.repeat(40) }],
      ['another source repository', { repository: 'acme/other' }],
      ['another issuer', { issuer: 'https://token.actions.githubusercontent.com' }],
      ['another predicate type', { predicateType: 'https://example.com/other' }],
    ];
    for (const [what, asked] of strangers) {
      const answer = await ghOn(context, predicateType, asked);
      expectThat(`gh refuses ${what}`, answer.status !== 0);
    }
  },
}));

const evidence: Test = {
  name: 'cosign accepts the signature of every file of the evidence pack',
  async run(context) {
    const files = await readdir(context.world.evidenceStore, { recursive: true, withFileTypes: true });
    const paths = files.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const signed = paths.filter((path) => paths.includes(`${path}.sigstore.json`) && !path.endsWith('.sig'));
    expectThat('the pack has files', signed.length > 5, paths.join('\n'));
    for (const path of signed) {
      const [artifact, bundle] = [await readFile(path), await readFile(`${path}.sigstore.json`, 'utf8')];
      const asked = { bundle, artifact, identity: IDENTITY, issuer: context.world.issuer.url };
      const { status, stderr } = await askCosign(context.engine('cosign'), context.instance, asked);
      expectThat(`cosign accepts ${path}`, status === 0, stderr);
    }
  },
};

const image: Test = {
  name: 'cosign finds and accepts the signature and the provenance beside the image in the registry',
  async run({ engine, image: reference, instance, world }) {
    const policy = [
      ...['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', world.issuer.url],
      ...['--trusted-root', instance.trustedRootPath, '--insecure-ignore-sct', '--use-signed-timestamps'],
      '--allow-http-registry',
    ];
    const env = { HOME: world.folder };
    const signature = await runProgram(engine('cosign'), ['verify', ...policy, reference], { env });
    expectThat('cosign verify accepts it', signature.status === 0, signature.stderr);
    const provenance = ['verify-attestation', '--type', STATEMENTS[1], ...policy, reference];
    const attestation = await runProgram(engine('cosign'), provenance, { env });
    expectThat('cosign verify-attestation accepts it', attestation.status === 0, attestation.stderr);
    const stranger = policy.map((argument) => (argument === IDENTITY ? `${IDENTITY}x` : argument));
    const refused = await runProgram(engine('cosign'), ['verify', ...stranger, reference], { env });
    expectThat('cosign verify refuses another identity', refused.status !== 0);
  },
};

const listed: Test = {
  name: 'oras lists every referrer and pulls what was pushed; crane sees the same digest',
  async run({ engine, image: reference, published, world }) {
    const discover = await runProgram(engine('oras'), ['discover', '--plain-http', '--format', 'json', reference]);
    expectThat('oras discover works', discover.status === 0, discover.stderr);
    for (const { referrer } of published.bundles) {
      expectThat(`oras lists ${referrer}`, discover.stdout.includes(referrer), discover.stdout.slice(0, 2000));
    }
    const target = join(world.folder, 'pulled');
    const pull = await runProgram(engine('oras'), ['pull', '--plain-http', '--output', target, reference]);
    expectThat('oras pull works', pull.status === 0, pull.stderr);
    for (const { name, path } of published.files) {
      const same = sha256(await readFile(join(target, name))) === sha256(await readFile(path));
      expectThat(`the bytes of ${name} are those that were built`, same);
    }
    const tagged = reference.replace(/@.*/, ':1.0.0');
    const crane = await runProgram(engine('crane'), ['digest', '--insecure', tagged]);
    expectThat('crane resolves the tag to the digest', crane.stdout.trim() === published.digest, crane.stderr);
  },
};

const workflows: Test = {
  name: 'actionlint finds nothing in the workflows',
  async run({ engine }) {
    const { status, stdout, stderr } = await runProgram(engine('actionlint'), ['-no-color']);
    expectThat('actionlint is clean', status === 0, stdout + stderr);
  },
};

export const roadSuite = defineSuite<RoadContext>({
  engines: ['crane', 'oras', 'actionlint', 'fulcio', 'rekor', 'timestamp-server', 'cosign', 'gh'],
  start: startRoad,
  tests: [releases, ...statements, ...ghStatements, evidence, image, listed, workflows],
});
