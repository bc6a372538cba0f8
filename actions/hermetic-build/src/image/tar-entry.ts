/** Kinds of entries that an image layer can have (image-spec 1.1, "Image Layer Filesystem Changeset"). */
export type TarType = 'file' | 'hardlink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo';

/** One entry of a layer, with the fields that an image keeps; the time is kept by nobody, because it is set when the layer is written. */
export interface TarEntry {
  /** As it stands in the archive. */
  readonly name: string;
  readonly type: TarType;
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Target of a hard link (a name in the image) or a symbolic link (any text). */
  readonly linkname: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Name to bytes; the values of extended attributes are binary. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

export const TAR_BLOCK = 512;
export const XATTR_PREFIX = 'SCHILY.xattr.';

/** Bytes up to the next full block. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK;
}
