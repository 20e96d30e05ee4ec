// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from 'node:fs'
import { VersionError } from './errors.ts'
import { decodeManifest, type ServiceManifest } from './manifest.ts'

/** Reads a manifest's file. @throws VersionError NO_MANIFEST, BAD_MANIFEST */
export function readManifestFile(file: string, digest?: string): ServiceManifest {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (cause) {
    throw new VersionError('NO_MANIFEST', `cannot read the manifest ${file}: ${(cause as Error).message}`, { cause })
  }
  return decodeManifest(bytes, file, digest)
}
