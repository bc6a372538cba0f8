import { HttpError } from './error.js';
import type { ForwardProxy } from './proxy.js';

/** Of a proxy that says nothing, or next to nothing. */
export function tunnelTimeout(proxy: ForwardProxy, target: string, timeoutMs: number): HttpError {
  return new HttpError(
    'HTTP_TIMEOUT',
    `Cannot reach ${target} through the proxy ${proxy.name}: no tunnel within ${timeoutMs} ms`,
    { onlyCure: true, hint: 'Check that the proxy runs and may reach that host, then run the step again' },
  );
}

/** Of a proxy that is down or cannot be found. */
export function unreachableProxy(proxy: ForwardProxy, target: string, cause: Error): HttpError {
  return new HttpError(
    'HTTP_UNREACHABLE',
    `Cannot reach ${target} through the proxy ${proxy.name}: the connection to the proxy failed`,
    {
      cause,
      onlyCure: true,
      hint: 'Check https_proxy, http_proxy and that the proxy runs; name hosts that need none in no_proxy',
    },
  );
}

/** Of a proxy that does not want to; transient as the status is. */
export function proxyRefusal(proxy: ForwardProxy, target: string, status: number): HttpError {
  return new HttpError(
    'HTTP_PROXY_REFUSED',
    `Cannot reach ${target} through the proxy ${proxy.name}: the proxy answered ${status}`,
    { status, onlyCure: true, hint: cureOfRefusal(proxy, status) },
  );
}

function cureOfRefusal(proxy: ForwardProxy, status: number): string {
  if (status === 407) {
    return proxy.authorization === undefined
      ? 'Give the proxy a user and a password: http://user:password@host:port in https_proxy and http_proxy'
      : 'Check user and password in https_proxy and http_proxy; the proxy has to accept Basic';
  }
  if (status >= 500) return 'Check that the proxy reaches that host, or name the host in no_proxy if it needs no proxy';
  return 'Allow the host in the rules of the proxy, or name it in no_proxy if it needs no proxy';
}
