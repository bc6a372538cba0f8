import { array, integer, JsonError, literal, object, parseJson, refine, string } from '@paved/json';
import { GateError } from './error.js';

/** One entry of the catalogue of known exploited vulnerabilities (CISA). */
export interface KevEntry {
  readonly cve: string;
  readonly dateAdded: string;
  readonly dueDate: string;
  readonly ransomware: boolean;
}

export interface KevCatalogue {
  readonly version: string;
  /** RFC 3339, as the publisher states it: the age of the catalogue is judged by this, not by the download. */
  readonly released: string;
  readonly entries: ReadonlyMap<string, KevEntry>;
}

function matching(pattern: RegExp) {
  return refine(string, (text) => {
    if (pattern.test(text)) return text;
    throw new GateError('KEV_MALFORMED', `"${text.slice(0, 60)}" does not have the form of its field`);
  });
}

const date = matching(/^\d{4}-\d\d-\d\d$/);
const catalogue = object({
  catalogVersion: string,
  dateReleased: matching(/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/),
  count: integer,
  vulnerabilities: array(
    object({
      cveID: matching(/^CVE-\d{4}-\d{4,19}$/),
      vendorProject: string,
      product: string,
      vulnerabilityName: string,
      dateAdded: date,
      shortDescription: string,
      requiredAction: string,
      dueDate: date,
      knownRansomwareCampaignUse: literal('Known', 'Unknown'),
    }),
  ),
});

/**
 * Reads the published catalogue; `count` must equal what is there, so that a truncated copy is not read as a shorter one.
 * @throws {GateError} `KEV_MALFORMED`, `KEV_COUNT_MISMATCH`
 */
export function parseKev(text: string): KevCatalogue {
  let document: ReturnType<typeof catalogue>;
  try {
    document = parseJson('the KEV catalogue', text, catalogue);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    const state = 'it is empty, truncated or of another form';
    throw new GateError('KEV_MALFORMED', `Cannot read the KEV catalogue: ${state}`, { cause });
  }
  const { count, vulnerabilities } = document;
  const entries = new Map(
    vulnerabilities.map((entry): [string, KevEntry] => [
      entry.cveID,
      {
        cve: entry.cveID,
        dateAdded: entry.dateAdded,
        dueDate: entry.dueDate,
        ransomware: entry.knownRansomwareCampaignUse === 'Known',
      },
    ]),
  );
  if (count !== vulnerabilities.length || entries.size !== count) {
    const state = `it says ${count} entries and has ${entries.size}`;
    throw new GateError('KEV_COUNT_MISMATCH', `Cannot read the KEV catalogue: ${state}`, {
      hint: 'Download the catalogue again',
    });
  }
  return { version: document.catalogVersion, released: document.dateReleased, entries };
}
