import { ToolchainError } from '../error.js';

export interface BundleRules {
  readonly action: string;
  readonly allowsProcesses: boolean;
  /** Folder of the checkout; a bundle that names it differs from machine to machine. */
  readonly root: string;
}

const DYNAMIC_REQUIRE = /\beval\(\s*["'`]require["'`]\s*\)/;
const PROCESS_MODULE = /["'`](node:)?(child_process|cluster)["'`]/;

/**
 * What ncc does not check about a bundle.
 * @throws {ToolchainError} `BUNDLE_UNRESOLVED`, `BUNDLE_STARTS_PROCESSES`, `BUNDLE_ASSET` or `BUNDLE_PATH`
 */
export function assertBundle(files: Readonly<Record<string, string>>, rules: BundleRules): void {
  for (const [name, text] of Object.entries(files)) {
    const refuse = (code: ConstructorParameters<typeof ToolchainError>[0], state: string, hint: string) =>
      new ToolchainError(code, `Cannot accept ${name} of action "${rules.action}": ${state}`, { hint });
    if (!name.endsWith('.js')) {
      throw refuse(
        'BUNDLE_ASSET',
        'it is no JavaScript',
        'Import data as a module instead of reading a file beside it',
      );
    }
    if (DYNAMIC_REQUIRE.test(text)) {
      const module = /eval\(\s*["'`]require["'`]\s*\)\(\s*["'`]([^"'`]*)/.exec(text)?.[1] ?? 'a module';
      throw refuse(
        'BUNDLE_UNRESOLVED',
        `it requires ${module} at run time`,
        'Install the module, or name it in UNWANTED',
      );
    }
    if (!rules.allowsProcesses && PROCESS_MODULE.test(text)) {
      throw refuse(
        'BUNDLE_STARTS_PROCESSES',
        'it loads child_process',
        'Leave processes to the actions in PROCESS_ACTIONS',
      );
    }
    if (text.includes(rules.root)) {
      throw refuse('BUNDLE_PATH', 'it contains the path of this checkout', 'Find the module that uses its own path');
    }
  }
}
