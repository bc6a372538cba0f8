import { HttpError } from '@paved/http';
import type { ActionContext } from '@paved/runner-kit';
import { ReportError } from './error.js';

const ATTEMPTS = 4;
const TIMEOUT_MS = 15_000;
const LOOPBACK = /^(?:127\.0\.0\.1|\[::1\]|localhost)$/;

/** An address that is itself a credential: whoever knows it can write there. */
export interface Webhook {
  /** `slack`, `jira`: the one name that messages have for it. */
  readonly name: string;
  readonly url: string;
  /** Hosts that notifications may go to, with the port where it is not 443. */
  readonly hosts: readonly string[];
}

/**
 * Delivers one payload after the other, each tried again while the service is overloaded. No error names the address.
 * @throws {ReportError} `WEBHOOK_REFUSED`: no https URL of an allowed host. `WEBHOOK_FAILED`: the service does not take it
 */
export async function sendWebhook(
  webhook: Webhook,
  payloads: readonly object[],
  context: ActionContext,
): Promise<void> {
  const url = allowedUrl(webhook);
  for (const payload of payloads) {
    try {
      const response = await context.http.request({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(payload),
        attempts: ATTEMPTS,
        timeoutMs: TIMEOUT_MS,
      });
      await response.text(64 * 1024);
    } catch (error) {
      // Neither the error nor its cause is passed on: both have the path, which is the secret.
      if (!(error instanceof HttpError)) throw error;
      throw failed(webhook, error.status === undefined ? error.code : `the service answered ${error.status}`);
    }
  }
}

function allowedUrl({ name, url: text, hosts }: Webhook): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = url !== undefined && url.protocol === 'http:' && LOOPBACK.test(url.hostname);
  if (url === undefined || (url.protocol !== 'https:' && !isLoopback) || url.username !== '' || url.password !== '') {
    throw refused(name, 'its address is no https URL without credentials in front of the host');
  }
  if (hosts.includes(url.host)) return url;
  throw refused(name, 'its host is not one of notify-hosts');
}

function refused(name: string, state: string): ReportError {
  return new ReportError('WEBHOOK_REFUSED', `Cannot notify by ${name}: ${state}`, {
    hint: 'Hosts are fixed when the workflows are rendered; name the host of the webhook there',
  });
}

function failed({ name }: Webhook, state: string): ReportError {
  return new ReportError('WEBHOOK_FAILED', `Cannot notify by ${name}: ${state}`, {
    hint: 'Check that the webhook still exists, and that the runner reaches it',
  });
}
