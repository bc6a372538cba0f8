import { createHash } from 'node:crypto';
import { zipArchive } from './zip-archive.js';

interface ModuleSpec {
  readonly path: string;
  readonly version: string;
  readonly goMod: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Written apart from the code under test: one line of hash, two blanks and name per file, in the order of the names. */
function h1(files: Readonly<Record<string, string>>): string {
  const lines = Object.keys(files)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(files[name] ?? '')
          .digest('hex')}  ${name}\n`,
    );
  return `h1:${createHash('sha256').update(lines.join('')).digest('base64')}`;
}

const escaped = (text: string) => text.replaceAll(/[A-Z]/g, (letter) => `!${letter.toLowerCase()}`);

export async function goModule({ path, version, goMod, files }: ModuleSpec) {
  const prefix = `${path}@${version}/`;
  const all = { 'go.mod': goMod, ...files };
  const named = Object.fromEntries(Object.entries(all).map(([name, text]) => [`${prefix}${name}`, text]));
  const base = `/${escaped(path)}/@v/${escaped(version)}`;
  return {
    served: { [`${base}.mod`]: goMod, [`${base}.zip`]: await zipArchive(named) } as Record<string, string | Buffer>,
    zipPath: `${base}.zip`,
    modPath: `${base}.mod`,
    sum: `${path} ${version} ${h1(named)}\n${path} ${version}/go.mod ${h1({ 'go.mod': goMod })}\n`,
  };
}

/** A command that needs one module directly, that one another, and a third only for its go.mod. */
export async function goSample() {
  const greet = await goModule({
    path: 'example.com/Acme/greet',
    version: 'v1.2.0',
    goMod: 'module example.com/Acme/greet\n\ngo 1.20\n\nrequire example.com/leaf v0.3.0\n',
    files: {
      'greet.go': 'package greet\n\nimport "example.com/leaf"\n\nfunc Text() string { return "hello " + leaf.Name }\n',
    },
  });
  const leaf = await goModule({
    path: 'example.com/leaf',
    version: 'v0.3.0',
    goMod: 'module example.com/leaf\n\ngo 1.20\n',
    files: { 'leaf.go': 'package leaf\n\nconst Name = "leaf"\n' },
  });
  const files: Record<string, string> = {
    'go.mod':
      'module example.com/app\n\ngo 1.20\n\nrequire example.com/Acme/greet v1.2.0 // direct\n\nrequire example.com/leaf v0.3.0 // indirect\n',
    'go.sum': greet.sum + leaf.sum,
    'main.go': 'package main\n\nimport "example.com/Acme/greet"\n\nfunc main() { println(greet.Text()) }\n',
  };
  return { served: { ...greet.served, ...leaf.served }, greet, leaf, files };
}
