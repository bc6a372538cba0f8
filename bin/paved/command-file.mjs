import { readFileSync } from 'node:fs';

/** The runner's format: `NAME<<DELIMITER`, lines of the value, `DELIMITER`. */
export function readCommandFile(path) {
  const values = {};
  const lines = readFileSync(path, 'utf8').split('\n');
  for (let index = 0; index < lines.length; index++) {
    const match = /^([^=]+?)<<(.+)$/.exec(lines[index]);
    if (match === null) continue;
    const end = lines.indexOf(match[2], index + 1);
    values[match[1]] = lines.slice(index + 1, end).join('\n');
    index = end;
  }
  return values;
}
