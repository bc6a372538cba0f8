import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq } from 'yaml';
import { RenderError } from './config.js';

/**
 * Changes `target` into what `patch` says. Mappings are merged; `~` takes away what must be there; a key that is new comes after the one
 * before it in the patch. `a | b` is whichever of them is there. `steps` are named by their ids, and a step with `after` is new.
 * @throws {RenderError} `TEMPLATE_INVALID` for anything that the patch expects and the workflow does not have
 */
export function patchWorkflow(target: unknown, patch: unknown, path = ''): void {
  if (!isMap(target) || !isMap(patch)) throw invalid(path || 'the workflow', 'it is no mapping');
  let before = -1;
  for (const { key: given, value } of patch.items as Pair[]) {
    const name = chosenKey(target, textOf(given), path);
    const place = path === '' ? name : `${path}.${name}`;
    const index = target.items.findIndex(({ key }) => textOf(key) === name);
    const found = target.items[index]?.value;
    if (isNothing(value)) {
      if (index === -1) throw invalid(place, 'it is not there, and cannot be taken away');
      target.items.splice(index, 1);
      if (index <= before) before -= 1;
      continue;
    }
    if (index === -1) target.items.splice(++before, 0, pairOf(patch, given));
    else {
      before = index;
      if (isMap(found) && isMap(value)) patchWorkflow(found, value, place);
      else if (isSeq(found) && isMap(value)) patchSteps(found, value, place);
      else (target.items[index] as Pair).value = value;
    }
  }
}

function patchSteps(steps: YAMLSeq, patches: YAMLMap, path: string): void {
  for (const { key, value } of patches.items as Pair[]) {
    const id = textOf(key);
    const place = `${path}.${id}`;
    if (!isMap(value)) throw invalid(place, 'it is no mapping');
    const after = value.get('after');
    if (after === undefined) {
      patchWorkflow(steps.items[stepIndex(steps, id, place)], value, place);
      continue;
    }
    value.delete('after');
    if (value.get('id') !== id) throw invalid(place, 'a new step needs the same id');
    steps.items.splice(stepIndex(steps, String(after), place) + 1, 0, value);
  }
}

function stepIndex(steps: YAMLSeq, id: string, place: string): number {
  const index = steps.items.findIndex((step) => isMap(step) && step.get('id') === id);
  if (index !== -1) return index;
  throw invalid(place, `no step has the id "${id}"`);
}

function chosenKey(target: YAMLMap, text: string, path: string): string {
  const choices = text.split(' | ');
  if (choices.length === 1) return text;
  const [found, ...others] = choices.filter((choice) => target.has(choice));
  if (found !== undefined && others.length === 0) return found;
  throw invalid(`${path}.${text}`, 'not exactly one of them is there');
}

function pairOf(map: YAMLMap, key: unknown): Pair<Node, Node> {
  return map.items.find((pair) => pair.key === key) as Pair<Node, Node>;
}

function isNothing(value: unknown): boolean {
  return value === null || (isScalar(value) && value.value === null);
}

function textOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function invalid(place: string, state: string): RenderError {
  return new RenderError('TEMPLATE_INVALID', `Cannot change "${place}" of the workflow: ${state}`);
}
