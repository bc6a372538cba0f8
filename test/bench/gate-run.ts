import { readFileSync } from 'node:fs';
import { buildVerdict, decide, parsePolicy, parseReport, parseVex, type RawFinding } from '@paved/gate';
import { exceptions, vexDocument } from './gate-data.js';

// A process of its own, so that its peak memory is nobody else's.
const [mode, ...files] = process.argv.slice(2);

function parseAlone(): number {
  const documents = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as unknown);
  return documents.length;
}

function decideAll(): number {
  const findings: RawFinding[] = [];
  for (const file of files)
    for (const finding of parseReport(file, readFileSync(file)).findings) findings.push(finding);
  const policy = parsePolicy({ exceptions: exceptions(), vex: { authors: ['Octo'] } });
  const { statements } = parseVex('vex.json', Buffer.from(vexDocument()));
  const asOf = '2025-08-26T00:00:00Z';
  const decision = decide({
    findings,
    unchecked: [],
    policy,
    vex: { statements, context: { subjects: [] } },
    branchProtected: true,
    asOf,
  });
  const verdict = buildVerdict(decision, {
    files: [],
    components: 0,
    policy: { source: 'input' },
    databases: [],
    documents: [],
    branchProtected: true,
    asOf,
    at: asOf,
  });
  if (verdict.counts.matches !== 100_000) throw new Error(`Cannot measure: ${verdict.counts.matches} matches arrived`);
  if (verdict.counts.suppressed < 100) throw new Error(`Cannot measure: ${verdict.counts.suppressed} are suppressed`);
  return verdict.findings.length;
}

const startedAt = performance.now();
const kept = mode === 'parse' ? parseAlone() : decideAll();
const wallMs = performance.now() - startedAt;
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(`${JSON.stringify({ wallMs, peakMiB, kept })}\n`);
