import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseScans, type ScanRecord, type Verdict } from '@paved/gate';
import { RefusalError } from '@paved/runner-kit';
import { type TestContext, testContext } from '@paved/runner-kit/testing';
import { definition as sbomDefinition } from '../../../actions/sbom/src/definition.js';
import { run as runSbom } from '../../../actions/sbom/src/run.js';
import { definition as scanDefinition } from '../../../actions/scan/src/definition.js';
import { run as runScan } from '../../../actions/scan/src/run.js';
import { definition as gateDefinition } from '../../../actions/scan-gate/src/definition.js';
import { run as runGate } from '../../../actions/scan-gate/src/run.js';

type Texts = Readonly<Record<string, string>>;
type Outputs = Readonly<Record<string, string | undefined>>;

/** The steps of the inspect job and the gate, as the runner would start them, over real programs. */
export interface Steps {
  readonly workspace: string;
  scan(texts: Texts): Promise<Outputs>;
  records(outputs: Outputs): Promise<readonly ScanRecord[]>;
  sbom(texts: Texts): Promise<Outputs>;
  collect(texts: Texts): Promise<Outputs>;
  verdict(texts: Texts): Promise<Verdict>;
  close(): Promise<void>;
}

export async function openSteps(): Promise<Steps> {
  const t: TestContext = await testContext({ action: 'scan' });
  return {
    workspace: t.workspace,
    scan: async (texts) => await runScan(await t.inputs(scanDefinition, texts), t.context),
    records: async (outputs) =>
      parseScans(await readFile(join(String(outputs['scans-path']), 'scans.json'), 'utf8')).scans,
    sbom: async (texts) => await runSbom(await t.inputs(sbomDefinition, texts), t.context),
    collect: async (texts) => await runGate(await t.inputs(gateDefinition, { mode: 'collect', ...texts }), t.context),
    async verdict(texts) {
      const outputs = await decided(async () => await runGate(await t.inputs(gateDefinition, texts), t.context));
      return JSON.parse(await readFile(String(outputs['verdict-path']), 'utf8')) as Verdict;
    },
    close: () => t.dispose(),
  };
}

/** A refusing verdict is an answer as well. */
async function decided(decide: () => Promise<Outputs>): Promise<Outputs> {
  try {
    return await decide();
  } catch (error) {
    if (error instanceof RefusalError) return error.outputs;
    throw error;
  }
}
