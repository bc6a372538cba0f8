import { resolve } from 'node:path';
import { minify } from '@swc/core';
import ncc, { type NccModule, type NccResult } from '@vercel/ncc';
import { withEagerModules } from './eager-modules.js';

export interface CompiledEntry {
  /** Text of each file by its name: the entry, and a chunk for each module that is loaded on demand. */
  readonly files: Readonly<Record<string, string>>;
  /** Real paths of the modules that are in the files, sorted. */
  readonly modules: readonly string[];
}

// An inert built-in stands in for what a bundle must not have: a dependency that asks for it finds none of its functions.
const INERT = 'node:path/posix';
// debug colours its output with supports-color, and a MongoDB client in a test tool offers kerberos; whether they are installed
// would change the bytes.
// @actions/artifact could unpack archives with unzip-stream: a hand-over is never opened before its digest matched, and then by our
// own extractor.
const UNWANTED = ['supports-color', 'kerberos', 'unzip-stream'];
// @actions/core loads @actions/exec for details of the platform, @sigstore/sign loads child_process for one build service.
// @actions/http-client imports it for a class that only the libraries of FETCH_ACTIONS reach.
const FETCH = ['undici'];
// @actions/core asks for OIDC tokens with it.
const CLIENT = ['@actions/http-client', '@actions/http-client/lib/auth'];
const PROCESSES = ['@actions/exec', 'child_process', 'node:child_process', 'cluster', 'node:cluster'];

/** What a bundle may contain. */
export interface Allowances {
  readonly processes: boolean;
  readonly fetch: boolean;
  readonly client: boolean;
}

/**
 * Bundles one entry with ncc in the current folder, which must be a workbench, and minifies every file; no source maps.
 * ncc itself reports an unresolved module as success: pass the files to `assertBundle`.
 */
export async function compileEntry(entry: string, fileName: string, allows: Allowances): Promise<CompiledEntry> {
  const refused = [allows.processes ? [] : PROCESSES, allows.fetch ? [] : FETCH, allows.client ? [] : CLIENT];
  const replaced = [...UNWANTED, ...refused.flat()];
  const externals = Object.fromEntries(replaced.map((module) => [module, INERT]));
  const result = await ncc(resolve(entry), { cache: false, esm: true, minify: false, quiet: true, externals });
  const files: Record<string, string> = { [fileName]: await finished(result.code) };
  for (const [name, { source }] of Object.entries(result.assets)) {
    // dist/ has one package.json for all bundles.
    if (name !== 'package.json') files[name] = name.endsWith('.js') ? await finished(String(source)) : String(source);
  }
  return { files, modules: modulePaths(result) };
}

/**
 * Names of classes are kept, and the minifier then gives the same name to what a class extends (`class e extends e`, which is an error
 * when it runs), where a dependency was minified before: nothing else may have these names.
 */
function shortClassNames(code: string): string[] {
  return [...new Set([...code.matchAll(/\bclass ([A-Za-z_$][\w$]{0,2}) extends\b/g)].map(([, name = '']) => name))];
}

async function finished(code: string): Promise<string> {
  return await withEagerModules(await minified(code));
}

/** Smaller, and does the same. */
export async function minified(code: string): Promise<string> {
  const { code: small } = await minify(code, {
    module: true,
    ecma: 2020,
    compress: { passes: 2, keep_classnames: true, keep_fnames: true },
    mangle: { keep_classnames: true, keep_fnames: true, reserved: shortClassNames(code) },
    format: { comments: false },
    sourceMap: false,
  });
  return `${small.trimEnd()}\n`;
}

function modulePaths({ stats }: NccResult): readonly string[] {
  const found = new Set<string>();
  const visit = (module: NccModule) => {
    if (module.resource !== undefined) found.add(module.resource.replace(/\?.*$/, ''));
    for (const inner of module.modules ?? []) visit(inner);
  };
  for (const chunk of stats.compilation.chunks) {
    for (const module of stats.compilation.chunkGraph.getChunkModulesIterable(chunk)) visit(module);
  }
  return [...found].sort();
}
