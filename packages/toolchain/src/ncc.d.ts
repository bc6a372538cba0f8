declare module '@vercel/ncc' {
  /** The part of webpack's module that says where it came from. */
  export interface NccModule {
    readonly resource?: string;
    readonly modules?: Iterable<NccModule>;
  }
  interface NccCompilation {
    readonly chunks: Iterable<object>;
    readonly chunkGraph: { getChunkModulesIterable(chunk: object): Iterable<NccModule> };
  }
  export interface NccOptions {
    readonly cache: false;
    readonly esm: true;
    readonly minify: boolean;
    readonly quiet: boolean;
    readonly externals: Readonly<Record<string, string>>;
  }
  export interface NccResult {
    readonly code: string;
    readonly assets: Readonly<Record<string, { readonly source: string | Buffer }>>;
    readonly stats: { readonly compilation: NccCompilation };
  }
  const ncc: (entry: string, options: NccOptions) => Promise<NccResult>;
  // biome-ignore lint/style/noDefaultExport: the package has no other
  export default ncc;
}
