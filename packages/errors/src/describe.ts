import { PavedError } from './paved-error.js';

const MAX_CAUSES = 8;

/** Walks `cause` from the outermost error inwards; at most eight links, so that a cycle ends. */
export function errorChain(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  let current: unknown = error;
  while (current !== undefined && chain.length < MAX_CAUSES && !chain.includes(current)) {
    chain.push(current);
    current = current instanceof Error ? current.cause : undefined;
  }
  return chain;
}

/** One line: `CODE: message: cause: cause (hint)`. Unknown values are named by their type only, never printed. */
export function describeError(error: unknown): string {
  const parts = errorChain(error).map((link) => (link instanceof Error ? link.message : `a thrown ${typeof link}`));
  const text = parts.join(': ');
  if (!(error instanceof PavedError)) return text;
  return `${error.code}: ${text}${error.hint === undefined ? '' : ` (${error.hint})`}`;
}
