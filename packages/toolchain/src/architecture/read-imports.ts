import { readFile } from 'node:fs/promises';
import { parse } from '@swc/core';

/** What one TypeScript file reaches for. */
export interface FileImports {
  /** Every module specifier: static, re-exported, dynamic, type-only or resolved; `<computed>` for one that is no literal. */
  readonly specifiers: readonly string[];
  readonly readsEnvironment: boolean;
}

type Node = Readonly<Record<string, unknown>>;

/** Parses the file, so that neither comments nor strings count and no spelling escapes. */
export async function readImports(path: string): Promise<FileImports> {
  return await parseImports(await readFile(path, 'utf8'));
}

export async function parseImports(source: string): Promise<FileImports> {
  const program: unknown = await parse(source, { syntax: 'typescript', target: 'es2024' });
  const specifiers = new Set<string>();
  let readsEnvironment = false;
  walk(program, (node) => {
    for (const specifier of specifiersOf(node)) specifiers.add(specifier);
    if (isEnvironment(node)) readsEnvironment = true;
  });
  return { specifiers: [...specifiers].sort(), readsEnvironment };
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
  } else if (typeof value === 'object' && value !== null) {
    const node = value as Node;
    if (typeof node.type === 'string') visit(node);
    for (const child of Object.values(node)) walk(child, visit);
  }
}

function specifiersOf(node: Node): readonly string[] {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return isNode(node.source) ? [literal(node.source)] : [];
    case 'TsImportType':
      return isNode(node.argument) ? [literal(node.argument)] : [];
    case 'TsExternalModuleReference':
      return isNode(node.expression) ? [literal(node.expression)] : [];
    case 'CallExpression':
      return loads(node.callee) ? [literal(firstArgument(node))] : [];
    default:
      return [];
  }
}

/** `import()`, `require()` and `import.meta.resolve()`. */
function loads(callee: unknown): boolean {
  if (!isNode(callee)) return false;
  if (callee.type === 'Import') return true;
  if (callee.type === 'Identifier') return callee.value === 'require';
  return callee.type === 'MemberExpression' && isNode(callee.object) && callee.object.type === 'MetaProperty';
}

function firstArgument(call: Node): Node {
  const [first] = Array.isArray(call.arguments) ? (call.arguments as readonly unknown[]) : [];
  return isNode(first) && isNode(first.expression) ? first.expression : { type: 'none' };
}

function literal(node: Node): string {
  return node.type === 'StringLiteral' && typeof node.value === 'string' ? node.value : '<computed>';
}

/** `process.env`, `process['env']`, `const { env } = process`, and `env` imported from `node:process`. */
function isEnvironment(node: Node): boolean {
  if (node.type === 'MemberExpression') return isProcess(node.object) && propertyName(node.property) === 'env';
  if (node.type === 'VariableDeclarator')
    return isProcess(node.init) && isNode(node.id) && node.id.type === 'ObjectPattern';
  if (node.type !== 'ImportDeclaration' || !isNode(node.source)) return false;
  return /^(node:)?process$/.test(literal(node.source));
}

function isProcess(node: unknown): boolean {
  if (!isNode(node)) return false;
  if (node.type === 'Identifier') return node.value === 'process';
  return node.type === 'MemberExpression' && propertyName(node.property) === 'process';
}

function propertyName(node: unknown): unknown {
  if (!isNode(node)) return undefined;
  if (node.type === 'Computed') return isNode(node.expression) ? node.expression.value : undefined;
  return node.value;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null;
}
