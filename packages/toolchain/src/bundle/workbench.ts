import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

// debug colours its output with supports-color and a MongoDB client in a test tool offers kerberos; no bundle needs them, and
// whether they are installed would change its bytes.
const EMPTY_MODULES = ['supports-color', 'kerberos'];
const NO_PROCESS = `const refuse = () => {
  throw new Error('This bundle starts no process');
};
export const exec = refuse;
export const getExecOutput = refuse;
`;

/**
 * Makes the folder in which ncc runs: always at the same place relative to the root, because webpack derives module ids from it.
 * Its tsconfig.json is where ncc takes aliases from; without `allowsProcesses`, @actions/exec (which @actions/core loads for
 * details of the platform) becomes a module that refuses.
 */
export async function createWorkbench(root: string, name: string, allowsProcesses: boolean): Promise<string> {
  const folder = join(root, 'build', 'bundle', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const paths: Record<string, string[]> = Object.fromEntries(EMPTY_MODULES.map((module) => [module, ['./empty.cjs']]));
  if (!allowsProcesses) paths['@actions/exec'] = ['./no-process.mjs'];
  await Promise.all([
    writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { baseUrl: '.', paths } })),
    writeFile(join(folder, 'package.json'), '{"private":true}'),
    writeFile(join(folder, 'empty.cjs'), 'module.exports = {};\n'),
    writeFile(join(folder, 'no-process.mjs'), NO_PROCESS),
  ]);
  return folder;
}
