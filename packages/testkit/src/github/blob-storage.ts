import type { Answer } from './answer.js';
import type { ArtifactStore } from './artifact-store.js';
import type { Exchange } from './exchange.js';

const PREFIX = '/_blob/';

export function isBlobCall(exchange: Exchange): boolean {
  return exchange.url.pathname.startsWith(PREFIX);
}

/** Block blobs behind signed URLs: `comp=block`, `comp=blocklist`, single PUT, and GET. The signature alone is the credential. */
export async function handleBlobCall(exchange: Exchange, store: ArtifactStore): Promise<Answer> {
  const signature = exchange.query('sig') ?? '';
  if (exchange.method === 'GET') return download(store, signature);
  if (exchange.method !== 'PUT') return storageError(405, 'UnsupportedHttpVerb');
  const body = await exchange.body();
  if (!accept(exchange, store, signature, body)) return storageError(403, 'AuthenticationFailed');
  return { status: 201, headers: storageHeaders(), bytes: new Uint8Array() };
}

function accept(exchange: Exchange, store: ArtifactStore, signature: string, body: Buffer): boolean {
  switch (exchange.query('comp')) {
    case 'block':
      return store.putBlock(signature, exchange.query('blockid') ?? '', body);
    case 'blocklist':
      return store.commitBlocks(signature, blockIds(body.toString('utf8')));
    case undefined:
      return store.putWhole(signature, body);
    default:
      return false;
  }
}

function blockIds(xml: string): readonly string[] {
  return [...xml.matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]+)</g)].map((match) => match[1] ?? '');
}

function download(store: ArtifactStore, signature: string): Answer {
  const artifact = store.download(signature);
  if (artifact === undefined) return storageError(403, 'AuthenticationFailed');
  const headers = {
    ...storageHeaders(),
    'content-type': artifact.mimeType,
    'content-disposition': `attachment; filename="${artifact.name.replaceAll(/[^\w.-]/g, '_')}"`,
  };
  return { status: 200, headers, bytes: artifact.bytes };
}

function storageHeaders(): Record<string, string> {
  const now = new Date().toUTCString();
  return { etag: `"0x${Date.now().toString(16)}"`, 'last-modified': now, 'x-ms-version': '2025-01-05' };
}

function storageError(status: number, code: string): Answer {
  const xml = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml', 'x-ms-error-code': code }, bytes: Buffer.from(xml) };
}
