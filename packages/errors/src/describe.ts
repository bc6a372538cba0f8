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

/**
 * What happened, from the outermost error inwards, joined by `: `. A link that says no more than the one beside it is left out.
 * Unknown values are named by their type only, never printed.
 */
export function describeCauses(error: unknown): string {
  const parts: string[] = [];
  for (const link of errorChain(error)) {
    const text = link instanceof Error ? link.message : `a thrown ${typeof link}`;
    const last = parts.at(-1);
    if (last !== undefined && (last === text || last.endsWith(`: ${text}`))) continue;
    if (last !== undefined && text.startsWith(`${last}: `)) parts.pop();
    parts.push(text);
  }
  return parts.join(': ');
}

/**
 * The cure: that of the outermost link that has one, because it knows most of what the user asked for, unless one within says that it
 * is the only one.
 */
export function cureOf(error: unknown): string | undefined {
  let outermost: string | undefined;
  for (const link of errorChain(error)) {
    if (!(link instanceof PavedError) || link.hint === undefined) continue;
    if (link.onlyCure) return link.hint;
    outermost ??= link.hint;
  }
  return outermost;
}

/** One line: `CODE: message: cause: cause (hint)`. */
export function describeError(error: unknown): string {
  const text = describeCauses(error);
  if (!(error instanceof PavedError)) return text;
  const cure = cureOf(error);
  return `${error.code}: ${text}${cure === undefined ? '' : ` (${cure})`}`;
}
