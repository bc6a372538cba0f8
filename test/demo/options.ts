import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly json: boolean;
  /** Folder of a project with a package-lock.json. */
  readonly source: string;
  readonly command: string;
  readonly outputPath: string;
}

/** @throws {Error} for unknown options, and for a source without a build command */
export function parseOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      source: { type: 'string' },
      build: { type: 'string' },
      output: { type: 'string' },
    },
  });
  if (values.source !== undefined && values.build === undefined) {
    throw new Error('Cannot release a project of yours without its build command: add --build "npm run build"');
  }
  return {
    json: values.json,
    source: values.source ?? 'examples/node-package',
    command: values.build ?? 'npm run build',
    outputPath: values.output ?? 'dist',
  };
}
