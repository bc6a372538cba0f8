import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MAX_SBOM_BYTES, parseSbom, type SbomComponent } from '@paved/bom';
import type { Digest } from '@paved/digest';
import type { RawFinding } from '@paved/gate';
import { ScanGateError } from '../error.js';
import { expandFolders, readRegularFile } from '../read-file.js';
import { evaluateRules, MAX_MODULE_BYTES } from './evaluate-rules.js';
import { rulesInput } from './rules-input.js';
import { type ModuleAnswers, rulesReport } from './rules-report.js';

const MAX_MODULES = 32;
export const RULES_REPORT = 'report-rules.sarif';

export interface RulesContext {
  readonly subject: Digest | undefined;
  readonly found: readonly RawFinding[];
  readonly sboms: readonly string[];
  readonly buildRecords: readonly unknown[];
}

/** Evaluates every module over the same document and writes one report into `folder`; returns its name. */
export async function writeRulesReport(
  folder: string,
  modules: readonly string[],
  { subject, found, sboms, buildRecords }: RulesContext,
  workerPath: string,
): Promise<string> {
  const files = await expandFolders(modules, /\.wasm$/);
  if (files.length > MAX_MODULES) {
    throw new ScanGateError('RULES_INVALID', `Cannot use ${files.length} rule modules: the limit is ${MAX_MODULES}`);
  }
  const components = await componentsOf(sboms);
  const input = rulesInput({ subject, findings: found, components, buildRecords });
  const answers: ModuleAnswers[] = [];
  for (const file of files) {
    const name = basename(file);
    const wasm = await readRegularFile(file, MAX_MODULE_BYTES);
    answers.push({ name, answers: await evaluateRules(name, wasm, input, { workerPath }) });
  }
  await writeFile(join(folder, RULES_REPORT), `${JSON.stringify(rulesReport(answers), null, 2)}\n`, { flag: 'wx' });
  return RULES_REPORT;
}

/** CycloneDX and SPDX of one release list the same packages: the first that names one counts. */
async function componentsOf(sboms: readonly string[]): Promise<readonly SbomComponent[]> {
  const components = new Map<string, SbomComponent>();
  for (const path of await expandFolders(sboms)) {
    for (const component of parseSbom(await readRegularFile(path, MAX_SBOM_BYTES)).components) {
      const key = component.purl ?? `?${component.name}@${component.version ?? ''}`;
      if (!components.has(key)) components.set(key, component);
    }
  }
  return [...components.values()];
}
