// SPDX-License-Identifier: GPL-3.0-or-later
// A publisher who has never heard of this project: a P-256 key and signatures from the openssl command line.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { p256Material, p256Signature } from '../../../keepers/apps/story/index.ts'

export type Newsroom = {
  /** For the publisher registry: x ‖ y. */
  readonly material: string
  /** r ‖ s over SHA-256 of the bytes. */
  sign(story: Uint8Array): string
  close(): void
}

export function newsroom(): Newsroom {
  const home = mkdtempSync(join(tmpdir(), 'cohort-newsroom-'))
  const [key, file] = [join(home, 'key.pem'), join(home, 'story')]
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
  return {
    material: p256Material(openssl('pkey', '-in', key, '-pubout', '-outform', 'DER')),
    sign(story) {
      writeFileSync(file, story)
      return p256Signature(openssl('dgst', '-sha256', '-sign', key, file))
    },
    close: () => rmSync(home, { recursive: true, force: true }),
  }
}

/** Whether the command line is there; a laptop may have none. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
