export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const OCI_LAYER_GZIP = `${OCI_LAYER}+gzip`;
export const OCI_LAYER_ZSTD = `${OCI_LAYER}+zstd`;
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const SIGSTORE_BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Every manifest type that this package reads, as an Accept header. */
export const MANIFEST_ACCEPT = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST].join(', ');

/** What a media type says about a document; `undefined` means that it is a blob to us. */
export function manifestKind(mediaType: string): 'image' | 'index' | undefined {
  if (mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST) return 'image';
  if (mediaType === OCI_INDEX || mediaType === DOCKER_LIST) return 'index';
  return undefined;
}
