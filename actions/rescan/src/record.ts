import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseReported } from '@paved/gate/results';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import type { definition } from './definition.js';
import { parseFacts, RESCAN_RECORD_MEDIA_TYPE } from './documents.js';
import { RescanError } from './error.js';
import { required } from './required.js';

/**
 * Puts a verdict and what it is about into one document, which a leg of the matrix hands over.
 * @throws {RescanError} `VERDICT_UNREADABLE`, `SBOM_SUBJECT_MISMATCH` for a verdict on another digest
 */
export async function record(
  inputs: InputsOf<typeof definition>,
  context: ActionContext,
): Promise<OutputsOf<typeof definition>> {
  const verdict = parseReported(await readText(required(inputs, 'verdict-path')));
  const facts = parseFacts(await readText(required(inputs, 'facts-path')));
  if (verdict.subject?.digest !== facts.subjectDigest) {
    throw new RescanError(
      'SBOM_SUBJECT_MISMATCH',
      `Cannot record a verdict on ${verdict.subject?.digest ?? 'nothing'}: the SBOMs describe ${facts.subjectDigest}`,
      { hint: 'Gate the SBOMs that this rescan fetched, in the same job' },
    );
  }
  const path = join(await context.workDir(), 'rescan-record.json');
  const document = { mediaType: RESCAN_RECORD_MEDIA_TYPE, facts, verdict };
  await writeFile(path, `${JSON.stringify(document)}\n`, { flag: 'wx' });
  return { 'record-path': path };
}

export async function readText(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new RescanError('VERDICT_UNREADABLE', `Cannot read "${path}"`, {
      cause,
      hint: 'Pass the verdict-path of scan-gate',
    });
  });
}
