import { parseLockfile, type Stanza, stanzas } from '@paved/bom/lockfiles';
import { satisfies } from 'semver';
import { HermeticBuildError } from '../error.js';
import { assertNotGit } from '../lockfile/lockfile.js';
import { type GraphPackage, type Importer, linkTo, type PackageGraph } from './package-graph.js';
import { outdated } from './package-json.js';
import { invalid } from './place-packages.js';
import { findWorkspaces, insideFolder, readWorkspace, type Workspace } from './workspaces.js';

/**
 * yarn.lock of yarn 1, which has no word about workspaces: package.json names them, and a range that the version of one fits is it.
 * @throws {HermeticBuildError} `LOCKFILE_OUTDATED`, `GIT_DEPENDENCY`, `DEPENDENCY_OUTSIDE`, `LOCKFILE_INVALID`
 */
export async function readYarnLock(text: string, sourcePath: string): Promise<PackageGraph> {
  parseLockfile('yarn', text);
  const project = await readWorkspace(sourcePath, '');
  if (project === undefined) throw outdated('yarn.lock', 'there is no such file');
  const workspaces = await findWorkspaces(sourcePath, project.workspaces);
  const entries = stanzas(text);
  const byDescriptor = new Map(entries.flatMap((entry) => entry.descriptors.map((item) => [item, entry] as const)));
  const find = (descriptor: string) => byDescriptor.get(descriptor)?.descriptors[0];
  const own = new Map(workspaces.map((workspace) => [workspace.manifest.name ?? '', workspace]));
  const look = (name: string, range: string) => ownFolder(own.get(name), range) ?? find(`${name}@${range}`);
  const importers = [project, ...workspaces].map((workspace) => importerOf(workspace, look));
  const packages = new Map(entries.map((entry) => [entry.descriptors[0] ?? '', packageOf(entry, look)]));
  const [root, ...others] = importers;
  if (root === undefined) throw invalid('it has no project');
  return { importers: [root, ...others], packages };
}

type LookUp = (name: string, range: string) => string | undefined;

function ownFolder(workspace: Workspace | undefined, range: string): string | undefined {
  if (workspace === undefined) return undefined;
  const fits = satisfies(workspace.manifest.version ?? '0.0.0', range, { loose: true });
  return fits ? linkTo(workspace.folder) : undefined;
}

function importerOf(workspace: Workspace, look: LookUp): Importer {
  const { folder, manifest } = workspace;
  const idsOf = (ranges: Readonly<Record<string, string>>) =>
    new Map(
      Object.entries(ranges).map(([name, range]) => {
        if (range.startsWith('link:')) return [name, linkTo(insideFolder(folder, range.slice(5), name))] as const;
        const id = look(name, range);
        if (id === undefined)
          throw outdated('yarn.lock', `${name}@${range}`, folder === '' ? undefined : `${folder}/package.json`);
        return [name, id] as const;
      }),
    );
  return { folder, manifest, runtime: idsOf(workspace.runtime), development: idsOf(workspace.development) };
}

function packageOf(entry: Stanza, look: LookUp): GraphPackage {
  const [first = ''] = entry.descriptors;
  const own = first.slice(0, first.indexOf('@', 1));
  const alias = /^npm:((?:@[^/]+\/)?[^@]+)(?:@|$)/.exec(first.slice(own.length + 1))?.[1];
  const stated = entry.fields.get('resolved');
  assertNotGit(first, stated);
  assertNotGit(first, first.slice(own.length + 1));
  const resolved = (stated ?? '').replace(/#.*$/, '');
  if (!/^(?:https?|file):/.test(resolved)) throw noAddress(first);
  const integrity = entry.fields.get('integrity');
  const requires = entry.requires.map((descriptor) => {
    const at = descriptor.indexOf('@', 1);
    const id = look(descriptor.slice(0, at), descriptor.slice(at + 1));
    if (id === undefined) throw invalid(`"${descriptor.slice(0, 200)}" is required, and not in it`);
    return [descriptor.slice(0, at), id] as const;
  });
  return {
    name: alias ?? own,
    version: entry.fields.get('version') ?? '',
    entry: { resolved, ...(integrity === undefined ? {} : { integrity }) },
    requires: new Map(requires),
  };
}

/** yarn 1 copies folders without leaving an address. */
function noAddress(descriptor: string): HermeticBuildError {
  return new HermeticBuildError('LOCKFILE_INVALID', `Cannot fetch "${descriptor.slice(0, 200)}": it has no address`, {
    hint: 'Depend on a folder of the repository with "link:" or as a workspace, on anything else by a published version',
  });
}
