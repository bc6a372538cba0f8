import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { openLayout } from '@paved/oci';
import { type ActionContext, RefusalError } from '@paved/runner-kit';
import { type ContainerPort, type ContainerRun, runContainer, type SandboxMethod } from '@paved/sandbox';
import { BuildLog } from '../build/build-log.js';
import { copySource } from '../build/copy-source.js';
import { isolationMethod } from '../build/isolation-method.js';
import { HermeticBuildError } from '../error.js';
import { invalidImage } from '../image/description.js';
import { fieldsOf } from '../image/layout-images.js';
import { readInside } from '../kinds/read-inside.js';
import type { Inputs, Outputs } from '../run.js';
import { findingsBefore, findingsOf, type TestFinding } from './contract.js';
import { type ImageUnderTest, runnableImage, unpackForTest } from './image-under-test.js';
import { testSarif } from './test-report.js';

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
/** Beyond the files of the image, for what it writes. */
const SCRATCH_BYTES = 256 * 1024 * 1024;
const SHOWN_LINES = 20;

/**
 * Starts the image of this machine's platform in a sandbox with nothing in its network but loopback, holds it to the contract of an
 * application, and runs the script of the project beside it. The record is written in any case.
 * @throws {RefusalError} `APPLICATION_TEST_FAILED`, with the record in its outputs
 */
export async function testPhase(
  inputs: Inputs,
  context: ActionContext,
  candidates: readonly SandboxMethod[],
): Promise<Outputs> {
  const workDir = await context.workDir();
  const recordPath = join(workDir, 'record');
  await mkdir(recordPath);
  const record = async (
    document: Readonly<Record<string, unknown>>,
    findings: readonly TestFinding[],
    platform = '',
  ) => {
    const whole = { mediaType: 'application/vnd.paved.application-test.v1+json', ...document, findings };
    await writeFile(join(recordPath, 'application-test.json'), `${JSON.stringify(whole, null, 2)}\n`);
    await writeFile(
      join(recordPath, 'application-test.sarif'),
      `${JSON.stringify(testSarif(platform, findings), null, 2)}\n`,
    );
  };
  const skipped = async (reason: string): Promise<Outputs> => {
    await record({ result: 'not-run', reason }, []);
    context.log.notice(`The image was not started: ${reason}`);
    return { 'record-path': recordPath };
  };
  if (!inputs['application-test']) return await skipped('application-test is false');
  const method = await isolationMethod(inputs.isolation, workDir, context.log, candidates);
  if (method === 'none') return await skipped('isolation is none');
  const layout = await openLayout(layoutPathOf(inputs), { spool: { folder: async () => workDir } });
  const found = await runnableImage(layout);
  if (found === undefined) return await skipped('none of its platforms is that of this machine');
  const image = await unpackForTest(layout, found, workDir);
  const ports = portsOf(image);
  const stopSignal = stopSignalOf(image);
  const before = findingsBefore(image);
  const run =
    before.length > 0
      ? undefined
      : await runImage(inputs, { image, ports, stopSignal, method, workDir, recordPath }, context);
  const findings = [...before, ...(run === undefined ? [] : findingsOf(run, ports, stopSignal))];
  const { platform, left, user } = image;
  const { digest } = layout.root;
  const result = findings.length === 0 ? 'passed' : 'failed';
  await record(
    { result, digest, platform, method, user, stopSignal, notUnpacked: left.slice(0, 100), run },
    findings,
    platform,
  );
  context.events.emit({ stage: 'build', event: 'application-tested', digest, findings: findings.length });
  await rm(image.tarPath, { force: true });
  if (findings.length === 0) {
    context.log.info(`The application of ${digest} (${platform}) keeps the contract`);
    return { 'record-path': recordPath };
  }
  throw refusal(findings, { platform, recordPath, artifactId: inputs['artifact-id'] }, context);
}

function layoutPathOf(inputs: Inputs): string {
  const path = inputs['layout-path'];
  if (path !== undefined) return path;
  throw new HermeticBuildError('OUTPUT_MISSING', 'Cannot test the image: layout-path is empty', {
    hint: 'Set layout-path to artifact-path of the phase that built it',
  });
}

interface Place {
  readonly image: ImageUnderTest;
  readonly ports: readonly ContainerPort[];
  readonly stopSignal: string;
  readonly method: SandboxMethod;
  readonly workDir: string;
  readonly recordPath: string;
}

async function runImage(inputs: Inputs, place: Place, context: ActionContext): Promise<ContainerRun> {
  const { image, ports, stopSignal, method, workDir, recordPath } = place;
  const script = await scriptOf(inputs, ports, workDir, context);
  const print = (text: string) => context.log.untrusted(text);
  const logs = {
    stdout: new BuildLog(join(recordPath, 'script.log'), print),
    stderr: new BuildLog(join(recordPath, 'container.log'), print),
  };
  let size = 0;
  const seconds = (milliseconds: number) => Math.max(1, Math.ceil(milliseconds / 1000));
  const grace = seconds(inputs['test-grace']);
  const { uid, gid } = image.user ?? { uid: 0, gid: 0 };
  const { path = '', loader } = image.program ?? {};
  try {
    return await context.log.group('The application', () =>
      runContainer(method, {
        ...{ tarPath: image.tarPath, workDir, uid, gid, ports, stopSignal },
        workingFolder: image.workingFolder,
        environment: [...image.environment, ...environmentOf(inputs)],
        entrypoint: image.entrypoint,
        ...(loader === undefined ? {} : { libraries: { loader, program: path } }),
        ...(script === undefined ? {} : { script }),
        memoryFileBytes: image.bytes + SCRATCH_BYTES,
        settleSeconds: seconds(inputs['test-settle']),
        portSeconds: grace,
        graceSeconds: grace,
        timeoutMs: inputs.timeout,
        onOutput: (chunk, stream) => {
          logs[stream].write(chunk);
          size += chunk.length;
          return size <= MAX_OUTPUT_BYTES;
        },
      }),
    );
  } finally {
    await Promise.all([logs.stdout.close(), logs.stderr.close()]);
  }
}

/** The script runs over a copy of the source, without anything installed: what it needs is on the machine or in the repository. */
async function scriptOf(inputs: Inputs, ports: readonly ContainerPort[], workDir: string, context: ActionContext) {
  const given = inputs['test-script'];
  if (given === undefined) return undefined;
  const path = posix.normalize(given);
  const isInside = !posix.isAbsolute(path) && !path.startsWith('../');
  if (!isInside || !/^[\w./-]+$/.test(path) || (await readInside(inputs['source-path'], path)) === undefined) {
    throw new HermeticBuildError('COMMAND_MISSING', `Cannot run the test "${given}": it is no file of source-path`, {
      hint: 'Commit the script, and name it relative to source-path',
    });
  }
  const buildDir = join(workDir, 'source');
  const sourceDateEpoch = inputs['source-date-epoch'];
  await copySource(inputs['source-path'], buildDir, { exclude: [context.runner.temp], sourceDateEpoch });
  const numbers = ports.map(({ port }) => port).join(' ');
  const command = `export PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 CI=true
export PAVED_TEST_HOST=127.0.0.1 PAVED_TEST_PORTS='${numbers}' PAVED_TEST_PORT='${ports[0]?.port ?? ''}'
if [ -x './${path}' ]; then exec './${path}'; fi
exec /bin/sh -e './${path}'
`;
  return { command, buildDir };
}

function environmentOf(inputs: Inputs): readonly string[] {
  const lines = inputs['test-environment'] ?? [];
  const wrong = lines.find((line) => !/^[A-Za-z_]\w*=/.test(line));
  if (wrong === undefined) return lines;
  throw new HermeticBuildError('COMMAND_MISSING', 'Cannot run the test: a line of test-environment is not NAME=value', {
    hint: 'Write one NAME=value per line',
  });
}

function portsOf({ config }: ImageUnderTest): readonly ContainerPort[] {
  return Object.keys(fieldsOf(config.ExposedPorts)).map((text) => {
    const [, number, protocol = 'tcp'] = /^([0-9]{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
    const port = Number(number);
    if (!(port > 0 && port < 65_536))
      throw invalidImage(`it exposes ${JSON.stringify(text.slice(0, 50))}, which is no port`);
    return { port, protocol: protocol === 'udp' ? 'udp' : 'tcp' };
  });
}

function stopSignalOf({ config }: ImageUnderTest): string {
  const text = String(config.StopSignal ?? 'SIGTERM').replace(/^SIG/, '');
  if (/^(?:[A-Z][A-Z0-9]{1,9}(?:[+-][0-9]{1,2})?|[0-9]{1,2})$/.test(text)) return text;
  throw invalidImage(`its stop signal ${JSON.stringify(text.slice(0, 50))} is none`);
}

function refusal(
  findings: readonly TestFinding[],
  place: { readonly platform: string; readonly recordPath: string; readonly artifactId: string | undefined },
  context: ActionContext,
): RefusalError {
  context.summary.heading('The application test failed');
  const kept = place.artifactId === undefined ? 'It is' : `It is kept as artifact ${place.artifactId} of this run, and`;
  context.summary.paragraph(`${kept} not released.`);
  context.summary.table(
    ['Rule', 'What', 'Cure'],
    findings.slice(0, SHOWN_LINES).map(({ rule, detail, cure }) => [rule, detail, cure]),
  );
  const [first] = findings;
  const more = findings.length === 1 ? '' : ` (and ${findings.length - 1} more)`;
  return new RefusalError(
    'APPLICATION_TEST_FAILED',
    `Cannot release the image for ${place.platform}: ${first?.detail ?? ''}${more}`,
    { hint: first?.cure ?? '', outputs: { 'record-path': place.recordPath } },
  );
}
