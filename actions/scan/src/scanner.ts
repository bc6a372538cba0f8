import type { ReportFormat } from '@paved/gate';

/** What `path` is: a scanner asks for an image layout in other words than for a folder. */
export type InputKind = 'file' | 'folder' | 'layout';

/** Where things are inside the sandbox; all of it is read-only. */
export const PLACES = {
  sbom: '/scan/sbom/bom.cdx.json',
  input: '/scan/input',
  databases: '/scan/databases',
  tools: '/scan/tools',
} as const;

/** One known way of running one tool: data and pure functions, never a word of the caller's. */
export interface Scanner {
  readonly name: string;
  /** Name in the lock of tools. */
  readonly tool: string;
  readonly reads: 'sbom' | 'path';
  /** Without its database it does not start, because an answer without data looks like "clean". */
  readonly database?: { readonly provider: string; readonly perEcosystem: boolean; readonly maxAgeMs: number };
  readonly output: { readonly kind: 'report'; readonly format: ReportFormat } | { readonly kind: 'sbom' };
  /** Statuses besides 0 that mean "findings". */
  readonly findingStatuses: readonly number[];
  /** Status that means "there was nothing to look at". */
  readonly nothingStatus?: number;
  /** Of a layout it gets the blobs under names that say what they are. */
  readonly readsNamedLayers?: boolean;
  /** Constant shell lines before it starts. */
  readonly prepare?: string;
  readonly environment: Readonly<Record<string, string>>;
  arguments(kind: InputKind): readonly string[];
}
