import { SPDX_LICENCE_IDS } from './schemas/documents.js';

const KNOWN = new Map(SPDX_LICENCE_IDS.map((id) => [id.toLowerCase(), id]));
const TOKEN = /\s*(\(|\)|[A-Za-z0-9.:+-]+)/y;
const MAX_LENGTH = 1000;

/** What a package declares: one licence of the SPDX list, an expression over it, or words of its own. */
export type DeclaredLicence =
  | { readonly $case: 'id'; readonly id: string }
  | { readonly $case: 'expression'; readonly expression: string }
  | { readonly $case: 'name'; readonly name: string };

/**
 * Reads a licence as SPDX 2.3 annex D defines expressions. What is no such expression, or uses an identifier that is not on the
 * list, stays a name: it is never corrected, because a guess would be a claim.
 */
export function parseDeclaredLicence(text: string): DeclaredLicence {
  const name = text.trim().slice(0, MAX_LENGTH);
  const id = KNOWN.get(name.toLowerCase());
  if (id !== undefined) return { $case: 'id', id };
  const expression = name.length === text.trim().length ? readExpression(name) : undefined;
  return expression === undefined ? { $case: 'name', name } : { $case: 'expression', expression };
}

function tokenize(text: string): string[] | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined) return undefined;
    tokens.push(token);
  }
  return tokens;
}

/** Recursion is as deep as the parentheses, which {@link MAX_LENGTH} bounds. */
function readExpression(text: string): string | undefined {
  const tokens = tokenize(text);
  if (tokens === undefined) return undefined;
  let position = 0;
  const simple = (): string | undefined => {
    const token = tokens[position++] ?? '';
    if (/^LicenseRef-[A-Za-z0-9.-]+$/.test(token)) return token;
    const known = KNOWN.get(token.toLowerCase());
    if (known !== undefined) return known;
    const base = token.endsWith('+') ? KNOWN.get(token.slice(0, -1).toLowerCase()) : undefined;
    return base === undefined ? undefined : `${base}+`;
  };
  const term = (): string | undefined => {
    if (tokens[position] !== '(') {
      const licence = simple();
      if (licence === undefined || tokens[position] !== 'WITH') return licence;
      position++;
      const exception = simple();
      return exception === undefined ? undefined : `${licence} WITH ${exception}`;
    }
    position++;
    const inner = chain();
    return inner !== undefined && tokens[position++] === ')' ? `(${inner})` : undefined;
  };
  const chain = (): string | undefined => {
    let left = term();
    while (left !== undefined && (tokens[position] === 'AND' || tokens[position] === 'OR')) {
      const operator = tokens[position++];
      const right = term();
      left = right === undefined ? undefined : `${left} ${operator} ${right}`;
    }
    return left;
  };
  const expression = chain();
  return position === tokens.length ? expression : undefined;
}
