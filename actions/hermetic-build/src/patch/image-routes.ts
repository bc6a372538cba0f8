import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { digestHex } from '@paved/digest';
import { type ImageManifest, manifestDescriptor } from '@paved/oci';
import { IMAGES_FOLDER } from '../buildkit/image-bundle.js';
import { RELAY_PORT } from './relay-script.js';

const REPOSITORY = 'paved/base';

/** What the daemon pulls by, in its own network. */
export function localReference({ digest }: ImageManifest): string {
  return `127.0.0.1:${RELAY_PORT}/${REPOSITORY}@${digest}`;
}

/**
 * Serves one fetched image as a registry would (distribution-spec 1.1, "Pull"), by digest alone. There is nothing to push to, so what
 * a step of the patch sends here changes nothing.
 */
export function imageRoutes(image: ImageManifest, bundlePath: string) {
  const types = new Map<string, string>([image.config, ...image.layers].map((part) => [part.digest, part.mediaType]));
  const { digest, mediaType } = manifestDescriptor(image);
  types.set(digest, mediaType);
  return async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    message.resume();
    const { method, url = '' } = message;
    const wanted = /^\/v2\/paved\/base\/(?:manifests|blobs)\/(sha256:([0-9a-f]{64}))$/.exec(url);
    const type = types.get(wanted?.[1] ?? '');
    if (method !== 'GET' && method !== 'HEAD') response.writeHead(405).end();
    else if (url === '/v2/') response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    else if (wanted === null || type === undefined) response.writeHead(404).end();
    else {
      const path = join(bundlePath, IMAGES_FOLDER, 'blobs/sha256', wanted[2] ?? digestHex(digest));
      const info = await stat(path).catch(() => undefined);
      if (info === undefined) {
        response.writeHead(404).end();
        return;
      }
      const headers = { 'content-type': type, 'content-length': info.size, 'docker-content-digest': wanted[1] };
      response.writeHead(200, headers);
      if (method === 'HEAD') response.end();
      else
        createReadStream(path)
          .on('error', () => response.destroy())
          .pipe(response);
    }
  };
}
