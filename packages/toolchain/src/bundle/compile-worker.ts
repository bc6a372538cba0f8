import { writeFile } from 'node:fs/promises';
import { compileEntry } from './compile-entry.js';

// A process of its own per entry: ncc takes its base folder from the process, and two run at a time.
const [entry = '', fileName = '', processes = '', target = ''] = process.argv.slice(2);
await writeFile(target, JSON.stringify(await compileEntry(entry, fileName, processes === 'processes')));
