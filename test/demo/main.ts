import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunResult } from '@paved/local-runner';
import { chooseIsolation } from './isolation.js';
import { type DemoOptions, parseOptions } from './options.js';
import { createProject, type ReleaseInputs } from './project.js';
import { type Published, readPublished } from './published.js';
import { ATTACKS, type Refusal, runAttacks } from './refusals.js';
import { release } from './release.js';
import { failureLog, Report, seconds } from './report.js';
import { type Verification, verifyImage } from './verify.js';
import { openWorld, type World } from './world.js';

const OWNER = { owner: 'acme', name: 'example', id: '7001', ownerId: '70' } as const;
const IDENTITY = { repositoryId: OWNER.id, ownerId: OWNER.ownerId } as const;
const VERSION = '1.0.0';

interface Outcome {
  readonly run: RunResult;
  readonly published?: Published;
  readonly verification?: Verification;
  readonly refusals: readonly Refusal[];
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  // With --json standard output carries one document and nothing else.
  const report = new Report(options.json ? process.stderr : process.stdout);
  const startedAt = performance.now();
  const { isolation, reason } = await chooseIsolation();
  const world = await openWorld({ folder: mkdtempSync(join(tmpdir(), 'paved-demo-')), isolation });
  try {
    report.title('paved: the road, on loopback services');
    report.fact('folder', world.folder);
    report.fact('advisories', `as of ${world.feed.asOf} (recorded with the example)`);
    report.fact('isolation', isolation);
    if (isolation === 'none') report.warning(`NOT HERMETIC: ${reason}`);
    const outcome = await demonstrate(world, options, report);
    const ok =
      outcome.run.ok &&
      outcome.verification?.ok === true &&
      outcome.refusals.length === ATTACKS.length &&
      outcome.refusals.every((refusal) => refusal.refused);
    const durationMs = Math.round(performance.now() - startedAt);
    report.title(
      ok ? `Everything held, in ${seconds(durationMs)}.` : `Something did not hold (${seconds(durationMs)}).`,
    );
    if (options.json) process.stdout.write(`${JSON.stringify(document(world, outcome, ok, durationMs), null, 2)}\n`);
    return ok ? 0 : 1;
  } finally {
    await world.close();
  }
}

async function demonstrate(world: World, options: DemoOptions, report: Report): Promise<Outcome> {
  const inputs: ReleaseInputs = {
    name: 'tool',
    version: VERSION,
    command: options.command,
    'output-path': options.outputPath,
  };
  report.title(`Release of ${options.source} through release-artifact.yml`);
  const caller = createProject(join(world.folder, 'caller'), { ...OWNER, source: options.source, inputs });
  const run = await release(world, {
    caller,
    onEvent: (event) => report.progress(event),
    workFolder: join(world.folder, 'machines'),
  });
  if (!run.ok) {
    report.warning(run.error?.message ?? failureLog(run.jobs));
    return { run, refusals: [] };
  }
  const repository = `${OWNER.owner}/${OWNER.name}/${inputs.name}`;
  const outputs = run.outputs.release ?? {};
  const published = readPublished(world, repository, outputs.digest ?? '', join(world.folder, 'published'));
  report.title('What the registry holds');
  report.published(published, world.registryHost);
  report.fact('verdict', outputs.verdict ?? '');
  report.fact('evidence', world.evidenceStore);

  report.title('Verification, as admission asks it');
  const verification = await verifyImage(
    world,
    `${world.registryHost}/${repository}@${published.digest}`,
    IDENTITY,
    VERSION,
  );
  report.verification(verification);

  report.title('The road refuses');
  const context = {
    world,
    source: options.source,
    inputs,
    published: { repository, digest: published.digest, tag: VERSION },
    owner: IDENTITY,
  };
  const refusals = await runAttacks(context, (refusal, index) =>
    report.refusal(String.fromCharCode(97 + index), refusal),
  );
  return { run, published, verification, refusals };
}

function document(
  world: World,
  { run, published, verification, refusals }: Outcome,
  ok: boolean,
  durationMs: number,
): unknown {
  return {
    ok,
    durationMs,
    isolation: world.isolation,
    asOf: world.feed.asOf,
    release: {
      ok: run.ok,
      jobs: run.jobs.map(({ id, result, durationMs: ms, steps }) => ({
        id,
        result,
        durationMs: ms,
        steps: steps.map((step) => ({ name: step.name, outcome: step.outcome, durationMs: step.durationMs })),
      })),
      ...(published === undefined
        ? {}
        : { image: `${world.registryHost}/${published.repository}@${published.digest}`, ...published }),
      verdict: run.outputs.release?.verdict,
      evidence: world.evidenceStore,
    },
    verification,
    refusals,
    trustedRoot: world.trustedRootPath,
    certificate: {
      issuer: world.issuer.url,
      identity: 'https://github.com/org/paved/.github/workflows/release-artifact.yml@refs/tags/v1',
    },
  };
}

process.exitCode = await main();
