import { createHash } from 'node:crypto';

interface Folder {
  readonly files: Map<string, Uint8Array>;
  readonly folders: Map<string, Folder>;
}

/**
 * Object id of the git tree (SHA-1 object format) that holds exactly `files`, all with mode 100644: what `git write-tree` prints.
 * Keys are paths with `/`.
 */
export function gitTreeHash(files: ReadonlyMap<string, Uint8Array>): string {
  const root = emptyFolder();
  for (const [path, bytes] of files) {
    const names = path.split('/');
    const file = names.pop() ?? '';
    let folder = root;
    for (const name of names) {
      const next: Folder = folder.folders.get(name) ?? emptyFolder();
      folder.folders.set(name, next);
      folder = next;
    }
    folder.files.set(file, bytes);
  }
  return treeId(root).toString('hex');
}

function emptyFolder(): Folder {
  return { files: new Map(), folders: new Map() };
}

function treeId(folder: Folder): Buffer {
  const entries = [
    ...[...folder.files].map(([name, bytes]) => ({ name, order: name, mode: '100644', id: objectId('blob', bytes) })),
    // git orders a folder as if its name ended with a slash.
    ...[...folder.folders].map(([name, inner]) => ({ name, order: `${name}/`, mode: '40000', id: treeId(inner) })),
  ];
  entries.sort((a, b) => Buffer.compare(Buffer.from(a.order), Buffer.from(b.order)));
  return objectId(
    'tree',
    Buffer.concat(entries.map(({ name, mode, id }) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), id]))),
  );
}

function objectId(type: 'blob' | 'tree', bytes: Uint8Array): Buffer {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest();
}
