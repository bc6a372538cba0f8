import { type Fields, objectAt, objectsAt, oneLine, textAt, textsAt } from '../fields.js';
import type { VexDocument } from './vex-document.js';
import type { VexProduct, VexStatement, VexStatus } from './vex-index.js';
import { vexMalformed } from './vex-malformed.js';

const MAX_DEPTH = 50;

/** `analysis.state` and what it says in OpenVEX's words. */
export const VEX_STATUS_OF_STATE: Readonly<Record<string, VexStatus>> = {
  resolved: 'fixed',
  resolved_with_pedigree: 'fixed',
  exploitable: 'affected',
  in_triage: 'under_investigation',
  false_positive: 'not_affected',
  not_affected: 'not_affected',
};

/** Identifiers by bom-ref, over nested components, level by level. */
function componentsByRef(document: Fields): ReadonlyMap<string, readonly string[]> {
  const refs = new Map<string, readonly string[]>();
  let level = [objectAt(objectAt(document, 'metadata'), 'component'), ...objectsAt(document, 'components')];
  for (let depth = 0; level.length > 0 && depth < MAX_DEPTH; depth++) {
    for (const component of level) {
      const hashes = objectsAt(component, 'hashes').map((hash) => textAt(hash, 'content'));
      const ids = [textAt(component, 'purl'), textAt(component, 'cpe'), ...hashes].filter((id) => id !== '');
      const ref = textAt(component, 'bom-ref');
      if (ref !== '') refs.set(ref, ids.length === 0 ? [ref] : ids);
    }
    level = level.flatMap((component) => objectsAt(component, 'components'));
  }
  return refs;
}

/** A BOM-Link counts only when it points into one of the SBOMs that are judged. */
function productOf(ref: string, local: ReadonlyMap<string, readonly string[]>, serials: readonly string[]): VexProduct {
  const known = local.get(ref);
  if (known !== undefined) return { ids: known, subcomponents: [] };
  const link = /^urn:cdx:([0-9a-fA-F-]{36})\/(\d+)#(.+)$/s.exec(ref);
  if (link === null) return { ids: [ref], subcomponents: [] };
  const [, serial = '', version = '', target = ''] = link;
  const isJudged = serials.includes(`urn:uuid:${serial.toLowerCase()}/${version}`);
  let decoded = target;
  try {
    decoded = decodeURIComponent(target);
  } catch {
    // Written without percent-encoding.
  }
  return { ids: isJudged ? [...new Set([target, decoded])] : [ref], subcomponents: [] };
}

function authorOf(document: Fields): string {
  const metadata = objectAt(document, 'metadata');
  const [author] = objectsAt(metadata, 'authors');
  const candidates = [
    textAt(author, 'name'),
    textAt(objectAt(metadata, 'supplier'), 'name'),
    textAt(objectAt(metadata, 'manufacturer'), 'name'),
    textAt(objectAt(metadata, 'manufacture'), 'name'),
  ];
  return candidates.find((name) => name !== '') ?? '';
}

/** Every entry with an analysis; two entries for one CVE are two statements. */
export function parseCycloneDxVex(what: string, document: Fields, serials: readonly string[]): VexDocument {
  const local = componentsByRef(document);
  const author = authorOf(document);
  const time = textAt(objectAt(document, 'metadata'), 'timestamp');
  const statements = objectsAt(document, 'vulnerabilities').flatMap((entry): readonly VexStatement[] => {
    const analysis = objectAt(entry, 'analysis');
    const state = textAt(analysis, 'state');
    const id = textAt(entry, 'id');
    if (state === '' || id === '') return [];
    const status = Object.hasOwn(VEX_STATUS_OF_STATE, state) ? VEX_STATUS_OF_STATE[state] : undefined;
    if (status === undefined) throw vexMalformed(what, `state "${state.slice(0, 40)}" is not known`);
    const timestamp = textAt(analysis, 'lastUpdated') || textAt(analysis, 'firstIssued') || time;
    const references = objectsAt(entry, 'references').map((reference) => textAt(reference, 'id'));
    return [
      {
        document: what,
        author,
        ids: [...new Set([id, ...references])].filter((name) => name !== ''),
        products: objectsAt(entry, 'affects').map((affected) => productOf(textAt(affected, 'ref'), local, serials)),
        status,
        reason: oneLine(
          textAt(analysis, 'justification') || textAt(analysis, 'detail') || textsAt(analysis, 'response').join(' '),
        ),
        // Without a time a statement is older than any other.
        timestamp: Number.isNaN(Date.parse(timestamp)) ? '1970-01-01T00:00:00Z' : timestamp,
      },
    ];
  });
  return { format: 'cyclonedx', author, statements };
}
