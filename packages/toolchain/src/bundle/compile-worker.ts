import { writeFile } from 'node:fs/promises';
import { compileEntry } from './compile-entry.js';

// A process of its own per entry: ncc takes its base folder from the process, and two run at a time.
const [entry = '', fileName = '', allowed = '', target = ''] = process.argv.slice(2);
const names = allowed.split(',');
const allows = {
  processes: names.includes('processes'),
  fetch: names.includes('fetch'),
  client: names.includes('client'),
};
try {
  await writeFile(target, JSON.stringify(await compileEntry(entry, fileName, allows)));
} catch (error) {
  // Without the stack: node would print the line of ncc it came from, which is four megabytes long.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
