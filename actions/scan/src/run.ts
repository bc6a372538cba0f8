import { chmod, copyFile, lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PavedError } from '@paved/errors';
import { SCANS_FILE, SCANS_MEDIA_TYPE, type ScanRecord, type Scans } from '@paved/gate';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { ToolLock } from '@paved/runner-kit/tools';
import { chooseMethod, SANDBOX_METHODS, type SandboxMethod } from '@paved/sandbox';
import { bringDatabases } from './database.js';
import type { definition } from './definition.js';
import { ScanError } from './error.js';
import { LOCKED_SCANNERS } from './locked-scanners.js';
import { nameLayers } from './name-layers.js';
import { runScanner, type Stage } from './run-scanner.js';
import type { Scanner } from './scanner.js';
import { chooseScanners } from './scanners.js';
import { stageInput } from './stage-input.js';
import { bringTools } from './tool.js';

type Inputs = InputsOf<typeof definition>;
type Outputs = OutputsOf<typeof definition>;

export interface Platform {
  readonly lock: ToolLock;
  readonly methods: readonly SandboxMethod[];
}

/**
 * Everything is fetched first, then all scanners run at once without network. One scanner without an answer is a failed run: the
 * others' reports are then not handed on, because nobody could tell them from a whole scan.
 */
export async function run(
  inputs: Inputs,
  context: ActionContext,
  platform: Platform = { lock: LOCKED_SCANNERS, methods: SANDBOX_METHODS },
): Promise<Outputs> {
  const scanners = chooseScanners(inputs.scanners ?? []);
  if (inputs.sbom === undefined && inputs.path === undefined) {
    throw new ScanError('INPUT_MISSING', 'Cannot scan: neither sbom nor path is set', {
      hint: 'Give the cyclonedx-path of sbom, or name what is released',
    });
  }
  // Also when nothing is asked for: a path with a mistake in it must not look like a scan.
  for (const path of [inputs.sbom, inputs.path]) if (path !== undefined) await assertThere(path);
  const folder = await context.workDir();
  if (scanners.length === 0) {
    context.log.info('No scanner is asked for: the gate matches the SBOM by itself');
    return await writeScans(folder, [], context);
  }
  assertInputs(scanners, inputs);
  const asOf = parseAsOf(inputs['as-of']);
  const workDir = await context.workDir();
  const fetched = await Promise.allSettled([
    bringTools(
      new Set(scanners.map(({ tool }) => tool)),
      {
        paths: inputs['tool-paths'] ?? [],
        urls: inputs['tool-urls'] ?? [],
        lock: platform.lock,
        cache: inputs.cache,
      },
      context,
    ),
    bringDatabases(
      scanners,
      {
        lines: inputs.databases ?? [],
        ages: inputs['database-age'] ?? [],
        asOf,
        maxBytes: inputs['max-database-bytes'],
      },
      context,
    ),
  ]);
  const [tools, databases] = [settled(fetched[0]), settled(fetched[1])];
  const method = await chooseMethod(workDir, platform.methods);
  const stage = await makeStage(inputs, scanners, { method, workDir, folder, asOf });
  const jobs = scanners.map(async (scanner, index) => {
    const tool = tools.get(scanner.tool);
    if (tool === undefined)
      throw new ScanError('INPUT_INVALID', `Cannot run ${scanner.name}: its tool is not there`, {
        hint: 'Name the tool in tool-paths, or leave it to the lock',
      });
    const database = scanner.database === undefined ? undefined : databases.get(scanner.database.provider);
    return await runScanner({ scanner, tool, database, index }, stage);
  });
  return await writeScans(folder, answered(await Promise.allSettled(jobs)), context);
}

/** Both have ended before either is thrown: nothing goes on in a folder that is given up. */
function settled<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

async function makeStage(
  inputs: Inputs,
  scanners: readonly Scanner[],
  place: Pick<Stage, 'method' | 'workDir' | 'folder' | 'asOf'>,
): Promise<Stage> {
  const { sbom, path } = inputs;
  const [copyOfSbom, copyOfInput] = ['sbom', 'input'].map((name) => join(place.workDir, 'staged', name));
  await mkdir(join(place.workDir, 'staged'));
  if (sbom !== undefined && copyOfSbom !== undefined) {
    await copyFile(sbom, copyOfSbom);
    await chmod(copyOfSbom, 0o444);
  }
  const reads = scanners.some((scanner) => scanner.reads === 'path');
  const input =
    path !== undefined && copyOfInput !== undefined && reads ? await stagePath(path, copyOfInput, scanners) : undefined;
  return {
    ...place,
    sbom: sbom === undefined ? undefined : copyOfSbom,
    input,
    subject: inputs['subject-digest'],
    limits: {
      timeoutMs: inputs.timeout,
      reportBytes: inputs['max-report-bytes'],
      memoryBytes: inputs['max-memory-bytes'],
    },
  };
}

async function stagePath(
  path: string,
  copy: string,
  scanners: readonly Scanner[],
): Promise<NonNullable<Stage['input']>> {
  const kind = await stageInput(path, copy);
  if (kind !== 'layout' || !scanners.some(({ readsNamedLayers }) => readsNamedLayers)) return { path: copy, kind };
  const namedLayers = `${copy}-layers`;
  await nameLayers(copy, namedLayers);
  return { path: copy, kind, namedLayers };
}

function assertInputs(scanners: readonly Scanner[], inputs: Inputs): void {
  for (const { name, reads } of scanners) {
    if (inputs[reads] !== undefined) continue;
    throw new ScanError('INPUT_MISSING', `Cannot scan with ${name}: ${reads} is not set`, {
      hint:
        reads === 'sbom' ? 'Give the cyclonedx-path of sbom' : 'Name what is released: a file, a folder or a layout',
    });
  }
}

function parseAsOf(text: string | undefined): string {
  if (text === undefined) return new Date().toISOString();
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return new Date(time).toISOString();
  throw new ScanError('INPUT_INVALID', `Cannot read as-of "${text.slice(0, 60)}": it is no time`, {
    hint: 'Write it as 2026-01-31T12:00:00Z',
  });
}

/** @throws the one failure, or the first of several with the words of all */
function answered(results: readonly PromiseSettledResult<ScanRecord>[]): readonly ScanRecord[] {
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const [first] = failures;
  if (failures.length > 1 && first instanceof ScanError) {
    const messages = failures.map((error) => (error instanceof PavedError ? error.message : String(error)));
    throw new ScanError(first.code, messages.join('; '), {
      cause: first,
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    });
  }
  if (failures.length > 0) throw first;
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

async function assertThere(path: string): Promise<void> {
  await lstat(path).catch((cause: unknown) => {
    throw new ScanError('INPUT_MISSING', `Cannot scan "${path}": it does not exist`, {
      cause,
      hint: 'Name the SBOM, or the folder, file or image layout that is released',
    });
  });
}

async function writeScans(folder: string, scans: readonly ScanRecord[], context: ActionContext): Promise<Outputs> {
  const document: Scans = { mediaType: SCANS_MEDIA_TYPE, scans };
  await writeFile(join(folder, SCANS_FILE), `${JSON.stringify(document, null, 2)}\n`, { flag: 'wx' });
  summarise(scans, context);
  const paths = (kind: ScanRecord['output']['kind']) => {
    const found = scans.filter(({ output }) => output.kind === kind).map(({ output }) => join(folder, output.path));
    return found.length === 0 ? undefined : found.join('\n');
  };
  return { 'scans-path': folder, 'reports-path': paths('report'), 'documents-path': paths('sbom') };
}

function summarise(scans: readonly ScanRecord[], { summary, events, log }: ActionContext): void {
  for (const { scanner, tool, durationMs, output, isolation } of scans) {
    log.info(`${scanner}: ${output.size} bytes in ${durationMs} ms, sandbox ${isolation}`);
    events.emit({ stage: 'scan', event: 'scanned', durationMs, scanner, tool: tool.sha256, report: output.sha256 });
  }
  if (scans.length === 0) return;
  const rows = scans.map(({ scanner, tool, databases, output }) => [
    scanner,
    tool.version ?? 'own program',
    tool.sha256,
    databases.map(({ provider, builtAt, modifiedAt }) => `${provider} ${builtAt ?? modifiedAt ?? ''}`).join(', '),
    output.sha256,
  ]);
  summary.heading('Scans').table(['Scanner', 'Version', 'Program (SHA-256)', 'Databases', 'Report (SHA-256)'], rows);
}
