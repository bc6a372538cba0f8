import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const pages = execFileSync('git', ['ls-files', '-z', '--', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && !path.startsWith('test/fixtures/') && existsSync(join(ROOT, path)));

/** Links of a page to other files of the repository, and to headings; code is no text. */
function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(?:https?:|mailto:)/.test(target));
}

/** As GitHub names a heading. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set(headings);
}

function brokenIn(page: string, text: string): readonly string[] {
  return linksOf(text).filter((link) => {
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), decodeURIComponent(file));
    if (!target.startsWith(ROOT) || !existsSync(target)) return true;
    if (anchor === undefined || statSync(target).isDirectory()) return false;
    return !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
  });
}

test('there are pages to look at', () => {
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/verify.md']));
});

test.each(pages)('every link of %s leads somewhere', (page) => {
  expect(brokenIn(page, readFileSync(join(ROOT, page), 'utf8'))).toEqual([]);
});

test('a page that is not there, a heading that is not there, and a way out are found', () => {
  const text = '[a](docs/none.md) [b](#no-such) [c](../../etc/passwd) [d](docs/verify.md) `[e](none)`';
  expect(brokenIn('README.md', text)).toEqual(['docs/none.md', '#no-such', '../../etc/passwd']);
});
