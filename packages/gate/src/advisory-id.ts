/** What needs no second look: most ids are spelt as their publishers do. */
const PLAIN = /^(?:CVE-\d[\d-]*|GHSA-[0-9a-z-]+|[A-Z]+-\d[\w:.-]*)$/;
const FOLDED = /^(?:cve|ghsa|mal|go|rustsec|pysec|osv)-/i;

/**
 * An id as its publisher spells it, without white space around it. Attack: `cve-2021-44228` is in no catalogue, so what is exploited
 * would be judged by its severity alone.
 */
export function advisoryId(text: string): string {
  if (PLAIN.test(text)) return text;
  const id = text.trim();
  const prefix = FOLDED.exec(id)?.[0].toUpperCase();
  if (prefix === undefined) return id;
  const rest = id.slice(prefix.length);
  return prefix === 'CVE-' || prefix === 'GHSA-' ? `${prefix}${rest.toLowerCase()}` : `${prefix}${rest}`;
}

/**
 * Names in `ids` that are different vulnerabilities by the rules of who gives them: several CVEs, else several GHSAs; empty where
 * there is no contradiction.
 */
export function contradicting(ids: readonly string[]): readonly string[] {
  for (const prefix of ['CVE-', 'GHSA-']) {
    const own = ids.filter((id) => id.startsWith(prefix));
    if (own.length > 1) return own;
  }
  return [];
}
