// SPDX-License-Identifier: GPL-3.0-or-later
// The option that says which manifest a command is about: a file, or the name of one that ships.
import type { ServiceManifest } from '../versions/index.ts'
import { UsageError } from './failure.ts'

/** @param option names it in errors @throws UsageError, VersionError NO_MANIFEST or BAD_MANIFEST */
export async function manifestOf(text: string, option = '--manifest'): Promise<ServiceManifest> {
  const [{ exampleManifest, readManifestFile }, { isModelName, MODEL_NAMES }] = await Promise.all([
    import('../versions/index.ts'),
    import('../learning/index.ts'),
  ])
  if (isModelName(text)) return exampleManifest(text)
  if (!text.includes('.') && !text.includes('/')) {
    throw new UsageError(`${option} is '${text}': takes a file, or one of the examples ${MODEL_NAMES.join(', ')}`)
  }
  return readManifestFile(text)
}

/** The digest of a manifest whose model is known to be provable: otherwise voters would find out afterwards. */
export async function provableDigest(text: string, option?: string): Promise<string> {
  const manifest = await manifestOf(text, option)
  const { manifestDigest, openManifest } = await import('../versions/index.ts')
  await openManifest(manifest, text)
  return manifestDigest(manifest)
}
