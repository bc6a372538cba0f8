#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { type Entry, formatReport, statusOf } from './report.js';

/** Reads a JSON list of `{ name, installed, wanted }` from the file named on the command line. */
function readEntries(path: string): readonly Entry[] {
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(value)) throw new TypeError(`Cannot read "${path}": it is not a list`);
  return value.map(({ name, installed, wanted }) => ({
    name: String(name),
    installed: String(installed),
    wanted: String(wanted),
  }));
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('Usage: version-report <file.json>');
  process.exitCode = 2;
} else {
  const entries = readEntries(path);
  console.log(formatReport(entries));
  process.exitCode = entries.every((entry) => statusOf(entry) === 'satisfied') ? 0 : 1;
}
