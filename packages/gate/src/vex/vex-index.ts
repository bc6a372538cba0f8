import type { MergedFinding, Suppression } from '../finding.js';
import { byText } from '../order.js';
import { wholeNames } from '../own-names.js';
import { type VexRules, type VexSigner, vexSignerKey } from '../policy.js';
import { isAnyImage, purlMatches } from './purl-matches.js';

export type VexStatus = 'not_affected' | 'affected' | 'fixed' | 'under_investigation';

/** What a statement is about: a package, or a product and (where they are listed) only these parts of it. */
export interface VexProduct {
  /** Every identifier: purls, ids, CPEs, digests in hexadecimal. */
  readonly ids: readonly string[];
  /** Identifiers of each listed part; empty: the product as a whole. */
  readonly subcomponents: readonly (readonly string[])[];
}

/** The word of whoever verified the document: the policy's signer that it is from, or the code of the check that failed. */
export type VexSignature = { readonly verified: VexSigner } | { readonly refused: string };

/** One statement of one document; texts are hostile. */
export interface VexStatement {
  /** Name of the document, for people. */
  readonly document: string;
  readonly author: string;
  /** What was found out about its signature; absent where there is none. */
  readonly signature?: VexSignature;
  /** Name and aliases of the vulnerability. */
  readonly ids: readonly string[];
  readonly products: readonly VexProduct[];
  readonly status: VexStatus;
  /** Justification label, or the sentence that stands for it. */
  readonly reason: string;
  /** RFC 3339. */
  readonly timestamp: string;
}

/** What the decision is about, so that statements about the whole product can be told from those about others. */
export interface VexContext {
  /** purls, names with digest and digests (hexadecimal) of the released artifact. */
  readonly subjects: readonly string[];
  /** Direct dependencies by purl, where a document tells them; `roots` are the released artifact's own. */
  readonly graph?: { readonly roots: readonly string[]; readonly dependsOn: ReadonlyMap<string, readonly string[]> };
}

/** What became of one statement. */
export interface VexReport {
  readonly document: string;
  readonly author: string;
  readonly id: string;
  readonly status: VexStatus;
  readonly timestamp: string;
  readonly state: 'used' | 'unused' | VexRefusal;
  /** Why its signature does not count: `VEX_UNSIGNED`, or the code of the check that failed. */
  readonly code?: string;
}

type VexRefusal = 'author-not-allowed' | 'not-signed' | 'signature-refused' | 'future';

function identifierMatches(general: string, specific: string): boolean {
  return general === specific || purlMatches(general, specific);
}

function anyMatches(generals: readonly string[], specifics: readonly string[]): boolean {
  return generals.some((general) => specifics.some((specific) => identifierMatches(general, specific)));
}

type Graph = NonNullable<VexContext['graph']>;

function isReached(part: string, graph: Graph, passes: (node: string) => boolean): boolean {
  const seen = new Set<string>();
  const queue = graph.roots.filter(passes);
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (node === part) return true;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const next of graph.dependsOn.get(node) ?? []) if (passes(next)) queue.push(next);
  }
  return false;
}

/** Whether every way from the artifact to the part goes through the product; of a part that the graph does not have, nobody knows. */
function onlyThrough(product: readonly string[], part: string, graph: Graph): boolean {
  return isReached(part, graph, () => true) && !isReached(part, graph, (node) => !anyMatches(product, [node]));
}

/** Whether the statement's product covers one package of one version. */
export function coversPackage(product: VexProduct, purl: string, context: VexContext | undefined): boolean {
  const subjects = context?.subjects ?? [];
  const isPart = product.subcomponents.some((ids) => anyMatches(ids, [purl]));
  const named = product.ids.filter((id) => !isAnyImage(id));
  if (anyMatches(named, subjects)) return product.subcomponents.length === 0 || isPart;
  if (product.subcomponents.length === 0) return anyMatches(product.ids, [purl]);
  // A part inside another package: true of the artifact only where nothing else brings that part.
  const { graph } = context ?? {};
  return isPart && graph !== undefined && onlyThrough(product.ids, purl, graph);
}

/** The latest statement of the allowed authors about each vulnerability and package. */
export class VexIndex {
  readonly #byId = new Map<string, VexStatement[]>();
  readonly #statements: readonly VexStatement[];
  readonly #rules: VexRules;
  readonly #context: VexContext | undefined;
  readonly #at: number;
  readonly #signers: ReadonlySet<string>;
  readonly #used = new Set<VexStatement>();

  constructor(statements: readonly VexStatement[], rules: VexRules, context: VexContext | undefined, atMs: number) {
    const key = ({ timestamp, document, ids }: VexStatement) => `${timestamp}\0${document}\0${ids.join(' ')}`;
    this.#statements = [...statements].sort((a, b) => byText(key(a), key(b)));
    this.#rules = rules;
    this.#signers = new Set(rules.signers.map(vexSignerKey));
    this.#context = context;
    this.#at = atMs;
    for (const statement of this.#statements) {
      if (this.#refusal(statement) !== undefined) continue;
      for (const id of statement.ids) {
        const others = this.#byId.get(id);
        if (others === undefined) this.#byId.set(id, [statement]);
        else others.push(statement);
      }
    }
  }

  #refusal(statement: VexStatement): VexRefusal | undefined {
    const { author, timestamp } = statement;
    // The author is what the document says of itself; a signature is what makes it true.
    if (!this.#rules.authors.includes(author)) return 'author-not-allowed';
    const code = this.#signatureCode(statement);
    if (code !== undefined) return code === 'VEX_UNSIGNED' ? 'not-signed' : 'signature-refused';
    return Date.parse(timestamp) > this.#at ? 'future' : undefined;
  }

  #signatureCode({ signature }: VexStatement): string | undefined {
    if (this.#signers.size === 0) return undefined;
    if (signature === undefined) return 'VEX_UNSIGNED';
    if ('refused' in signature) return signature.refused;
    return this.#signers.has(vexSignerKey(signature.verified)) ? undefined : 'VEX_SIGNER_NOT_ALLOWED';
  }

  /** The statement that holds for one version of the package: the latest, and of two of one time the one that suppresses less. */
  effective(ids: readonly string[], purl: string): VexStatement | undefined {
    let latest: VexStatement | undefined;
    for (const id of ids) {
      for (const statement of this.#byId.get(id) ?? []) {
        const order = latest === undefined ? 1 : Date.parse(statement.timestamp) - Date.parse(latest.timestamp);
        if (order < 0 || (order === 0 && !isStricter(statement, latest))) continue;
        if (statement.products.some((product) => coversPackage(product, purl, this.#context))) latest = statement;
      }
    }
    return latest;
  }

  /** A finding is suppressed only when every version of it is not affected, or fixed. */
  suppression(finding: MergedFinding): Suppression | undefined {
    if (this.#byId.size === 0 || finding.package === undefined) return undefined;
    if (!this.#byId.has(finding.id) && !finding.aliases.some((alias) => this.#byId.has(alias))) return undefined;
    const purls = finding.package.purls.length > 0 ? finding.package.purls : versionedPurls(finding.package);
    // Attack: a report that calls two vulnerabilities one. Statements have to speak of each, as each source knows it.
    const names = [...wholeNames(finding), ...(finding.partialNames ?? [])];
    const statements = purls.flatMap((purl) => names.map((own) => this.effective(own, purl)));
    const [first] = statements;
    if (first === undefined || !statements.every((entry) => entry !== undefined && suppresses(entry))) return undefined;
    for (const statement of statements) if (statement !== undefined) this.#used.add(statement);
    const { document, author, reason, timestamp } = first;
    return { by: 'vex', document, author, status: first.status as 'not_affected' | 'fixed', reason, timestamp };
  }

  /** Every statement about the finding's ids, whoever made it, for `explain`. */
  naming(finding: MergedFinding): readonly VexReport[] {
    const ids = new Set([finding.id, ...finding.aliases]);
    return this.#report(this.#statements.filter((statement) => statement.ids.some((id) => ids.has(id))));
  }

  report(): readonly VexReport[] {
    return this.#report(this.#statements);
  }

  #report(statements: readonly VexStatement[]): readonly VexReport[] {
    return statements.map((statement) => {
      const { document, author, ids, status, timestamp } = statement;
      const refusal = this.#refusal(statement);
      const state = refusal ?? (this.#used.has(statement) ? 'used' : 'unused');
      const isSignature = refusal === 'not-signed' || refusal === 'signature-refused';
      const code = isSignature ? this.#signatureCode(statement) : undefined;
      return { document, author, id: ids[0] ?? '', status, timestamp, state, ...(code === undefined ? {} : { code }) };
    });
  }
}

function suppresses({ status }: VexStatement): boolean {
  return status === 'not_affected' || status === 'fixed';
}

function isStricter(statement: VexStatement, than: VexStatement | undefined): boolean {
  return than !== undefined && suppresses(than) && !suppresses(statement);
}

function versionedPurls({ purl, versions }: NonNullable<MergedFinding['package']>): readonly string[] {
  return versions.map((version) => (version === '' ? purl : `${purl}@${encodeURIComponent(version.toWellFormed())}`));
}
