import { type HttpClient, HttpError } from '@paved/http';
import { type Decoder, JsonError } from '@paved/json';

/** What the API said: a setting that is not there is an answer, one that may not be read is not. */
export type Answer<T> =
  | { readonly $case: 'found'; readonly value: T }
  | { readonly $case: 'absent' }
  | { readonly $case: 'unreadable'; readonly why: string };

/** Reads settings with one token, which goes to this API alone: redirects are refused. */
export class SettingsApi {
  readonly #http: HttpClient;
  readonly #root: string;
  readonly #token: string;

  constructor(http: HttpClient, apiUrl: URL, token: string) {
    this.#http = http;
    this.#root = apiUrl.href.replace(/\/$/, '');
    this.#token = token;
  }

  async read<T>(path: string, decoder: Decoder<T>): Promise<Answer<T>> {
    try {
      const response = await this.#http.request({
        method: 'GET',
        url: `${this.#root}${path}`,
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${this.#token}`,
          'x-github-api-version': '2022-11-28',
        },
        accept: (status) => status === 200 || status === 404,
      });
      if (response.status === 200) return { $case: 'found', value: await response.json(decoder) };
      response.discard();
      return { $case: 'absent' };
    } catch (error) {
      if (error instanceof HttpError)
        return { $case: 'unreadable', why: `the API answered ${error.status ?? error.code}` };
      if (error instanceof JsonError) return { $case: 'unreadable', why: 'the API answered something else' };
      throw error;
    }
  }
}
