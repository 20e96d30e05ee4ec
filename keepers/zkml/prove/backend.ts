// SPDX-License-Identifier: GPL-3.0-or-later
// The interface of every prover. A later proof system with commitments to parts of the witness fits behind the same two calls: its
// key and its proof are its own business.
import { type Part, readPart } from '../parts.ts'
import type { ProofWithSignals } from './proof.ts'

export type ProveOptions = {
  /** Rejects the call with the signal's reason; the prover stays usable. */
  readonly signal?: AbortSignal
}

/** A proving key that has been read once and is kept ready. */
export interface Prover {
  /** Name of the backend, such as `snarkjs`. */
  readonly backend: string
  /** Length of a witness, and number of public signals among it. */
  readonly variables: number
  readonly publicSignals: number
  /**
   * Proves for a witness: its values, 32 bytes little endian each, or a `.wtns` file (iden3, version 2). Calls may
   * overlap; they are served in order.
   * Throws ProveError `circuit-mismatch` when the witness belongs to another circuit. A witness that breaks the circuit gives an
   * invalid proof: callers who did not compute the witness themselves verify the result.
   */
  prove(witness: Uint8Array, options?: ProveOptions): Promise<ProofWithSignals>
  /** Stops threads and frees the key. */
  close(): Promise<void>
}

/** A key's file that stays open, so that later reads see the checked bytes even if another file has taken its name. */
export type OpenKey = { readonly name: string; readonly file: Part; close(): void }

/** Where a proving key is: bytes anywhere, a path or an open file only where there is a file system. */
export type KeySource = Uint8Array | string | OpenKey

export interface ProverBackend {
  readonly name: string
  /** Reads and checks a key. Throws SetupError `zkey-malformed`. */
  open(key: KeySource, options?: ProveOptions): Promise<Prover>
}

/** The bytes of a key. In a browser a path is an error of `node:fs`; give it bytes. */
export async function readKey(key: KeySource): Promise<Uint8Array> {
  if (key instanceof Uint8Array) return key
  if (typeof key !== 'string') return readPart(key.file)
  const { readFile } = await import('node:fs/promises')
  return readFile(key)
}

/**
 * A key to read piece by piece: nothing of a file is in memory yet. Close it when everything was read; one that was open stays so for whoever
 * opened it.
 */
export async function openKey(key: KeySource): Promise<OpenKey> {
  if (key instanceof Uint8Array) return { name: 'zkey', file: key, close: () => undefined }
  if (typeof key !== 'string') return { ...key, close: () => undefined }
  const { closeSync, fstatSync, openSync } = await import('node:fs')
  const descriptor = openSync(key, 'r')
  const file = { descriptor, at: 0, byteLength: fstatSync(descriptor).size }
  return { name: key, file, close: () => closeSync(descriptor) }
}
