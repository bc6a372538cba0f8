import { parse } from '@swc/core';

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly type?: string;
  readonly span?: Span;
  readonly [field: string]: unknown;
}

const FUNCTIONS: readonly unknown[] = ['ArrowFunctionExpression', 'FunctionExpression'];

/**
 * The same program, with parentheses around the function of each bundled module. Nearly all of them run while the program starts, and
 * V8 compiles at once what stands in parentheses; what does not it reads for its end first, and then once more to compile it.
 * @param code as the minifier leaves it: a module that begins with its first token
 */
export async function withEagerModules(code: string): Promise<string> {
  const program = (await parse(code, { syntax: 'ecmascript', target: 'es2022' })) as unknown as Node;
  const bytes = Buffer.from(code);
  // Spans count bytes, on from where the parser's last program ended.
  const base = program.span?.start ?? 0;
  const pieces: Buffer[] = [];
  let at = 0;
  const borders = moduleFunctions(program).flatMap(({ start, end }) => [
    { offset: start - base, text: '(' },
    { offset: end - base, text: ')' },
  ]);
  for (const { offset, text } of borders.sort((a, b) => a.offset - b.offset)) {
    pieces.push(bytes.subarray(at, offset), Buffer.from(text));
    at = offset;
  }
  return Buffer.concat([...pieces, bytes.subarray(at)]).toString('utf8');
}

/** `1234: (module, exports, require) => {...}`: nothing else in a bundle has numbers as names. */
function moduleFunctions(program: Node): Span[] {
  const found: Span[] = [];
  const waiting: unknown[] = [program];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    const { type, key, value } = node as Node & { readonly key?: Node; readonly value?: Node };
    const isModule = type === 'KeyValueProperty' && key?.type === 'NumericLiteral' && FUNCTIONS.includes(value?.type);
    if (isModule && value?.span !== undefined) found.push(value.span);
    waiting.push(...Object.values(node).filter((inner) => typeof inner === 'object' && inner !== null));
  }
  return found;
}
