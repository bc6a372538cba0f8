import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type PublishedPackage, publish, type Registry, startNpmRegistry } from './npm-registry.js';

type Entry = Record<string, unknown>;

export interface SampleProject {
  readonly packages: readonly PublishedPackage[];
  readonly manifest: Entry;
  readonly workspace: Entry;
  /** Entries of `packages`; change them before {@link writeProject}. */
  readonly lock: Record<string, Entry>;
}

/** A scope, commands, nesting, an alias, a bundled package, a workspace, optional packages of two platforms, development only. */
export async function sampleProject(): Promise<SampleProject> {
  const leaf = await publish({ name: 'leaf', version: '1.2.3', files: { 'index.js': 'module.exports = "leaf";\n' } });
  const oldLeaf = await publish({ name: 'leaf', version: '0.9.0+build.5', manifest: { license: { type: 'ISC' } } });
  const scoped = await publish({
    name: '@acme/scoped',
    version: '2.0.0',
    manifest: {
      bin: { scoped: 'bin/cli.js' },
      dependencies: { leaf: '0.9.0' },
      scripts: { install: 'touch /tmp/pwned' },
    },
    files: {
      'bin/cli.js': '#!/usr/bin/env node\nconsole.log("scoped ran");\n',
      '.gitignore': 'one\n',
      'lib/.npmignore': 'two\n',
      'lib/.gitignore': 'three\n',
      'src/.gitignore': 'four\n',
      'src/.npmignore': 'five\n',
    },
  });
  const carrier = await publish({
    name: 'carrier',
    version: '3.0.0',
    manifest: { bundleDependencies: ['inner'], dependencies: { inner: '1.0.0' } },
    files: { 'node_modules/inner/package.json': '{"name":"inner","version":"1.0.0","license":"BSD-3-Clause"}' },
  });
  const tool = await publish({
    name: 'tool',
    version: '4.0.0',
    manifest: { bin: 'tool.js' },
    files: { 'tool.js': '#!/bin/sh\n' },
  });
  const native = await publish({ name: 'native-here', version: '5.0.0' });
  const foreign = await publish({ name: 'native-there', version: '5.0.0' });
  const published = [leaf, oldLeaf, scoped, carrier, tool, native, foreign];
  const integrity = (item: PublishedPackage) => ({ version: item.version, integrity: item.integrity });
  const manifest = {
    name: 'sample',
    version: '1.0.0',
    license: 'Apache-2.0',
    workspaces: ['packages/*'],
    dependencies: { '@acme/scoped': '^2.0.0', carrier: '^3.0.0', twig: 'npm:leaf@^1.0.0' },
    devDependencies: { tool: '^4.0.0' },
    optionalDependencies: { 'native-here': '5.0.0', 'native-there': '5.0.0' },
  };
  const workspace = { name: '@sample/part', version: '0.1.0', dependencies: { leaf: '^1.0.0' } };
  return {
    packages: published,
    manifest,
    workspace,
    lock: {
      '': { ...manifest },
      'node_modules/@acme/scoped': {
        ...integrity(scoped),
        license: 'MIT',
        bin: { scoped: 'bin/cli.js' },
        dependencies: { leaf: '0.9.0' },
        hasInstallScript: true,
      },
      'node_modules/@acme/scoped/node_modules/leaf': integrity(oldLeaf),
      'node_modules/@sample/part': { resolved: 'packages/part', link: true },
      'node_modules/carrier': {
        ...integrity(carrier),
        bundleDependencies: ['inner'],
        dependencies: { inner: '1.0.0' },
      },
      'node_modules/carrier/node_modules/inner': { version: '1.0.0', inBundle: true, license: 'BSD-3-Clause' },
      'node_modules/leaf': integrity(leaf),
      'node_modules/native-here': { ...integrity(native), optional: true, os: [process.platform] },
      'node_modules/native-there': { ...integrity(foreign), optional: true, os: ['aix'] },
      'node_modules/tool': { ...integrity(tool), dev: true, bin: 'tool.js' },
      'node_modules/twig': { ...integrity(leaf), name: 'leaf' },
      'packages/part': { ...workspace },
    },
  };
}

export async function writeProject(
  folder: string,
  project: SampleProject,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  const lock = { name: 'sample', version: '1.0.0', lockfileVersion: 3, requires: true, packages: project.lock };
  const all = {
    'package.json': JSON.stringify(project.manifest),
    'package-lock.json': JSON.stringify(lock),
    'packages/part/package.json': JSON.stringify(project.workspace),
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

export function startProjectRegistry(project: SampleProject): Promise<Registry> {
  return startNpmRegistry(project.packages);
}
