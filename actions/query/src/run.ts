import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseOsvRecord } from '@paved/gate';
import { parseCodeOwners } from '@paved/gate/results';
import type { ActionContext, InputsOf, OutputsOf } from '@paved/runner-kit';
import { answerOf, type Hit, type Question, sameId } from './answer.js';
import type { definition } from './definition.js';
import { QueryError } from './error.js';
import { readStore } from './read-store.js';

type Inputs = InputsOf<typeof definition>;

const MAX_ROWS = 200;

/** Looks through every pack of the store; a store that cannot be read whole gives no answer. */
export async function run(inputs: Inputs, context: ActionContext): Promise<OutputsOf<typeof definition>> {
  const question = await readQuestion(inputs);
  const hits: Hit[] = [];
  let packs = 0;
  for await (const pack of readStore(inputs.store)) {
    packs++;
    const hit = await answerOf(pack, question);
    if (hit !== undefined) hits.push(hit);
  }
  if (packs === 0) {
    throw new QueryError('STORE_EMPTY', `Cannot answer from "${inputs.store}": it holds no evidence pack`, {
      hint: 'Name the directory that evidence-upload stores into',
    });
  }
  const folder = await context.workDir();
  const path = join(folder, 'query.json');
  const { cve, purl, at } = inputs;
  const asked = {
    ...(cve === undefined ? {} : { cve }),
    ...(purl === undefined ? {} : { purl }),
    ...(at === undefined ? {} : { at }),
  };
  await writeFile(path, `${JSON.stringify({ asked, packs, hits }, null, 2)}\n`, { flag: 'wx' });
  const count = new Set(hits.flatMap(({ digests }) => digests)).size;
  context.summary.heading(`${count} digests in ${packs} evidence packs`).table(
    ['Artifact', 'Digest', 'Packages', 'Released', 'Owners'],
    hits
      .slice(0, MAX_ROWS)
      .map((hit) => [
        `${hit.repository}/${hit.artifact}`,
        hit.digests.join(' '),
        hit.packages.map((entry) => entry.purl).join(' '),
        hit.releasedAt,
        hit.owners.join(' ') || 'nobody',
      ]),
  );
  context.log.info(`${count} digests of ${packs} evidence packs`);
  context.events.emit({ stage: 'query', event: 'answered', packs, count });
  return { 'result-path': path, count: String(count) };
}

async function readQuestion(inputs: Inputs): Promise<Question> {
  const { purl, cve, at, owners, advisories = [] } = inputs;
  if (purl === undefined && cve === undefined) {
    throw new QueryError('INPUT_INVALID', 'Cannot answer: nothing is asked for', { hint: 'Set cve or purl' });
  }
  if (purl !== undefined && !/^pkg:[a-z]/.test(purl)) {
    throw new QueryError('INPUT_INVALID', `Cannot look for "${purl.slice(0, 100)}": it is no package URL`, {
      hint: 'Write it as pkg:npm/name, with or without @version',
    });
  }
  if (cve !== undefined && !/^[A-Za-z][\w.:-]{2,99}$/.test(cve)) {
    throw new QueryError('INPUT_INVALID', `Cannot look for "${cve.slice(0, 100)}": it is no id of a vulnerability`, {
      hint: 'Give an id such as CVE-2021-44228 or GHSA-jfh8-c2jp-5v3q',
    });
  }
  if (at !== undefined && (!/^\d{4}-\d\d-\d\d/.test(at) || Number.isNaN(Date.parse(at)))) {
    throw new QueryError('INPUT_INVALID', `Cannot look back to "${at.slice(0, 40)}": it is no RFC 3339 date`, {
      hint: 'Give a time such as 2026-01-31T12:00:00Z',
    });
  }
  const records = await Promise.all(advisories.map(async (path) => parseOsvRecord(path, await readFile(path, 'utf8'))));
  const own = records.filter(
    ({ id, aliases }) => cve === undefined || [id, ...aliases].some((own) => sameId(own, cve)),
  );
  if (own.length < records.length) {
    throw new QueryError('INPUT_INVALID', `Cannot use the advisories: not all of them are about ${cve}`, {
      hint: 'Give the advisory of this id alone',
    });
  }
  return {
    ...(purl === undefined ? {} : { purl }),
    ...(cve === undefined ? {} : { id: cve }),
    records,
    // A date alone means the whole day.
    ...(at === undefined ? {} : { until: at.length === 10 ? `${at}T23:59:59.999Z` : at }),
    owners: owners === undefined ? [] : parseCodeOwners(await readFile(owners, 'utf8')),
  };
}
