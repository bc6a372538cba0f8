export { assertPublicHost, isPrivateAddress } from './address.js';
export { HttpClient, type HttpClientOptions } from './client.js';
export { eachChunk } from './each-chunk.js';
export { HttpError, type HttpErrorCode } from './error.js';
export { type ProxySettings, proxyCredentials } from './proxy.js';
export { redactUrl } from './redact.js';
export type { HttpBody, HttpBodyWriter, HttpRequest, RedirectPolicy } from './request.js';
export { HttpResponse } from './response.js';
export { type RetryPolicy, retryDelayMs } from './retry.js';
