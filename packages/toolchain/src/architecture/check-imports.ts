import { join } from 'node:path';
import { filesBelow } from '../paths.js';
import { type FileImports, readImports } from './read-imports.js';

/** The whole list of what a package or action may import; everything else is a violation. */
export interface ImportRule {
  /** npm packages, and packages of paved with their entry point (`@paved/runner-kit/exec`). */
  readonly packages: readonly string[];
  /** Built-in modules besides the harmless ones of the table. */
  readonly builtins?: readonly string[];
  readonly readsEnvironment?: boolean;
  /** For development only: any npm package and built-in. */
  readonly development?: boolean;
}

export interface ImportTable {
  /** Packages of paved, lowest first; each may import those before it. */
  readonly order: readonly string[];
  readonly packages: Readonly<Record<string, ImportRule>>;
  readonly actions: Readonly<Record<string, ImportRule>>;
  /** Built-in modules that everything may import. */
  readonly harmlessBuiltins: readonly string[];
}

/** One line per violation: file, what it reaches for, and the rule. */
export async function checkImports(root: string, table: ImportTable): Promise<readonly string[]> {
  const violations: string[] = [];
  for (const [kind, rules] of [
    ['packages', table.packages],
    ['actions', table.actions],
  ] as const) {
    for (const [name, rule] of Object.entries(rules)) {
      const allowed = kind === 'packages' ? [...rule.packages, ...lowerPackages(table, name)] : rule.packages;
      const folder = join(root, kind, name, 'src');
      for (const file of (await filesBelow(folder)).filter((path) => path.endsWith('.ts'))) {
        const found = violationsOf(await readImports(join(folder, file)), { ...rule, packages: allowed }, table);
        violations.push(...found.map((text) => `${kind}/${name}/src/${file}: ${text}`));
      }
    }
  }
  return violations;
}

export function violationsOf(imports: FileImports, rule: ImportRule, table: ImportTable): readonly string[] {
  const violations: string[] = [];
  for (const specifier of imports.specifiers) {
    const state = violationOf(specifier, rule, table);
    if (state !== undefined) violations.push(`imports ${specifier}: ${state}`);
  }
  if (imports.readsEnvironment && !rule.readsEnvironment && !rule.development) {
    violations.push('reads process.env: only runner-kit does');
  }
  return violations;
}

function violationOf(specifier: string, rule: ImportRule, table: ImportTable): string | undefined {
  if (specifier === '<computed>') return rule.development ? undefined : 'the specifier is not a literal';
  if (/^\..*\/(packages|actions)\/|^@paved\/[^/]+\/(src|lib)\b/.test(specifier))
    return 'a package is imported by its name';
  if (specifier.startsWith('.')) {
    return /^(\.\.\/)+[a-z-]+\/src\//.test(specifier) ? 'it is the inside of another package' : undefined;
  }
  if (specifier.startsWith('node:')) {
    const allowed =
      rule.development || table.harmlessBuiltins.includes(specifier) || rule.builtins?.includes(specifier);
    return allowed ? undefined : 'the built-in module is not on its list';
  }
  // Each entry point of paved's own packages is listed, as `@paved/runner-kit/exec`; of others, the package.
  const isOwn = specifier.startsWith('@paved/');
  if (rule.packages.includes(isOwn && !rule.development ? specifier : packageName(specifier))) return undefined;
  return rule.development && !isOwn ? undefined : 'the package is not on its list';
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function lowerPackages(table: ImportTable, name: string): readonly string[] {
  return table.order.slice(0, table.order.indexOf(name)).map((lower) => `@paved/${lower}`);
}
