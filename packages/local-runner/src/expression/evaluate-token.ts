import type { BasicExpressionToken } from '@actions/workflow-parser/templates/tokens/basic-expression-token';
import type { MappingToken } from '@actions/workflow-parser/templates/tokens/mapping-token';
import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import type { Parsers } from '../workflow/load-parser.js';
import { type Contexts, evaluate, evaluateString, type Functions } from './evaluate.js';
import type { Json } from './json-data.js';

/** Evaluates parts of a workflow file in the contexts of one moment. */
export class TokenEvaluator {
  readonly #guards: Parsers['workflow'];
  readonly #contexts: Contexts;
  readonly #functions: Functions;

  constructor(parsers: Parsers, contexts: Contexts, functions: Functions = {}) {
    this.#guards = parsers.workflow;
    this.#contexts = contexts;
    this.#functions = functions;
  }

  /** Whether a condition holds; `condition` already contains a status function. */
  condition(condition: BasicExpressionToken): boolean {
    const value = evaluate(condition.expression, this.#contexts, this.#functions);
    return value !== null && value !== false && value !== '' && value !== 0;
  }

  value(token: TemplateToken): Json {
    if (this.#guards.isBasicExpression(token)) return evaluate(token.expression, this.#contexts, this.#functions);
    if (this.#guards.isString(token) || this.#guards.isNumber(token) || this.#guards.isBoolean(token)) {
      return token.value;
    }
    if (this.#guards.isMapping(token)) return this.mapping(token, (item) => this.value(item));
    if (this.#guards.isSequence(token)) return [...token].map((item) => this.value(item));
    return null;
  }

  string(token: TemplateToken): string {
    if (this.#guards.isBasicExpression(token)) {
      return evaluateString(token.expression, this.#contexts, this.#functions);
    }
    return this.#guards.isScalar(token) ? token.toString() : '';
  }

  strings(token: TemplateToken | undefined): Record<string, string> {
    if (token === undefined || !this.#guards.isMapping(token)) return {};
    return this.mapping(token, (item) => this.string(item));
  }

  mapping<T>(token: MappingToken, read: (item: TemplateToken) => T): Record<string, T> {
    return Object.fromEntries([...token].map((pair) => [pair.key.toString(), read(pair.value)]));
  }
}
