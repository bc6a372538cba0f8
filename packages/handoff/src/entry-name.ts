const MAX_NAME_BYTES = 1024;
const MAX_SEGMENT_BYTES = 255;
const MAX_DEPTH = 64;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x1f\x7f]/;
/** As many folders as files would be many. */
const MAX_PATHS_PER_FILE = 4;
const PRINTABLE = /^[\x20-\x7e]*$/;
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;
const DRIVE = /^[A-Za-z]:/;

/** What is wrong with a relative path in an archive, or undefined. Only `a/b/c` passes: no aliases of a path are allowed. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'its name is empty';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `its name is longer than ${MAX_NAME_BYTES} bytes`;
  if (CONTROL.test(name)) return 'its name has control characters';
  if (name.includes('\\')) return 'its name has a backslash';
  if (name.startsWith('/') || DRIVE.test(name)) return 'its name is absolute';
  const segments = name.split('/');
  if (segments.length > MAX_DEPTH) return `it lies deeper than ${MAX_DEPTH} folders`;
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'its name has an empty, "." or ".." segment';
  }
  if (segments.some((segment) => Buffer.byteLength(segment) > MAX_SEGMENT_BYTES)) {
    return `a segment of its name is longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return undefined;
}

/**
 * Finds names that are one file on a file system that folds case or normalises Unicode, also when only a folder of them differs,
 * and files that another entry needs as a folder.
 */
export class NameRegister {
  /** Folded path to how it was first written, and whether as a folder. */
  readonly #seen = new Map<string, { readonly exact: string; readonly folder: boolean }>();
  readonly #maxPaths: number;

  constructor(maxFiles: number) {
    this.#maxPaths = maxFiles * MAX_PATHS_PER_FILE;
  }

  /** @returns what is wrong with this name after those before it, or undefined */
  add(name: string): string | undefined {
    const segments = name.split('/');
    for (let depth = 1; depth <= segments.length; depth++) {
      const exact = segments.slice(0, depth).join('/');
      const folder = depth < segments.length;
      const known = this.#seen.get(fold(exact));
      if (known === undefined) {
        // Attack: every file in 63 folders of its own, which are a hundred times the memory of the archive.
        if (this.#seen.size >= this.#maxPaths) return `it has more than ${this.#maxPaths} folders`;
        this.#seen.set(fold(exact), { exact, folder });
      } else if (known.exact !== exact) {
        return `its name collides with "${known.exact}" where case is ignored`;
      } else if (!(known.folder && folder)) {
        return known.folder === folder ? 'it occurs twice' : 'it is a file and a folder';
      }
    }
    return undefined;
  }
}

/** Upper case after lower case is the full folding (ß as ss, both sigmas); what is not seen is passed over, as some file systems do. */
function fold(path: string): string {
  const plain = PRINTABLE.test(path) ? path : path.normalize('NFKC').replaceAll(IGNORABLE, '');
  return plain.toLowerCase().toUpperCase().normalize('NFKC');
}
