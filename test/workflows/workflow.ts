import { readFileSync } from 'node:fs';
import { array, boolean, type Decoder, object, oneOf, optional, record, string, unknown } from '@paved/json';
import { parse } from 'yaml';

const scalar: Decoder<string> = (value, path) =>
  typeof value === 'string' ? value : String(oneOf<unknown>(boolean, unknown)(value, path));
const stringOrList: Decoder<readonly string[]> = (value, path) =>
  typeof value === 'string' ? [value] : array(string)(value, path);

const step = object({
  id: optional(string),
  name: optional(string),
  uses: optional(string),
  run: optional(string),
  if: optional(scalar),
  shell: optional(string),
  'continue-on-error': optional(unknown),
  with: optional(record(scalar)),
  env: optional(record(scalar)),
});

const job = object({
  name: optional(string),
  needs: optional(stringOrList),
  if: optional(scalar),
  'runs-on': scalar,
  permissions: optional(record(string)),
  outputs: optional(record(scalar)),
  environment: optional(unknown),
  concurrency: optional(record(scalar)),
  env: optional(record(scalar)),
  container: optional(unknown),
  services: optional(unknown),
  strategy: optional(unknown),
  'continue-on-error': optional(unknown),
  steps: array(step),
});

const workflow = object({
  on: object({
    workflow_call: optional(object({ inputs: optional(record(object({ type: string }))), secrets: optional(unknown) })),
  }),
  permissions: record(string),
  env: optional(unknown),
  jobs: record(job),
});

export type Step = ReturnType<typeof step>;
export type Job = ReturnType<typeof job>;
export type Workflow = ReturnType<typeof workflow>;

export function parseWorkflow(text: string): Workflow {
  return workflow(parse(text));
}

export function renderedWorkflow(name: string): string {
  return readFileSync(`.github/workflows/${name}.yml`, 'utf8');
}
