import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';

const text = readFileSync('docs/threat-model.md', 'utf8');

function rowsOf(heading: string): readonly (readonly string[])[] {
  const section = text.split(/^## /m).find((part) => part.startsWith(heading)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(1).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const threats = rowsOf('The threats of SLSA');
const incidents = rowsOf('What has happened');
const paths = [...text.matchAll(/`((?:packages|actions|test)\/[^`\s]+)`/g)].map(([, path = '']) => path);

describe('the threat model', () => {
  test.each([...new Set(paths)])('%s exists and has tests', (path) => {
    expect([path, existsSync(path)]).toEqual([path, true]);
    const files = path.endsWith('.ts') ? [path] : readdirSync(path).filter((name) => name.endsWith('.test.ts'));
    expect(files.length).toBeGreaterThan(0);
  });

  test('has every threat of the specification', () => {
    const letters = threats.map(([name = '']) => name.split(/[ :]/)[0]);
    for (const letter of ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'Dependency', 'Availability', 'Verification'])
      expect(letters).toContain(letter);
  });

  test('has the incidents that shaped it', () => {
    const names = incidents.map(([name]) => name).join('\n');
    for (const name of ['SolarWinds', 'Log4Shell', 'xz', 'tj-actions', 'trivy-action', 'TanStack'])
      expect(names).toContain(name);
  });

  test('each row names a test, or says that it is not defended', () => {
    for (const [name, how = '', tests = ''] of [...threats, ...incidents]) {
      expect([name, /\.test\.ts`/.test(tests) || how.startsWith('not defended: ')]).toEqual([name, true]);
    }
  });
});
