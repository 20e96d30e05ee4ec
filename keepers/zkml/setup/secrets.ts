// SPDX-License-Identifier: GPL-3.0-or-later
// The secrets of a single-party set-up. Anyone who has one can forge proofs, so they exist only as bytes, overwritten as soon as
// the key has been computed.
import { FIELD_BYTES, SCALAR_FIELD } from '../bn254.ts'
import { bytesToField } from './curve-memory.ts'

/** Non-zero elements of the scalar field, 32 bytes little endian each: tau, alpha, beta, gamma, delta. */
export type SetupSecrets = {
  readonly tau: Uint8Array
  readonly alpha: Uint8Array
  readonly beta: Uint8Array
  readonly gamma: Uint8Array
  readonly delta: Uint8Array
}

/** For two rounds: δ belongs to the second round and H, `deltaFirst` to the commitment. */
export type TwoRoundSecrets = SetupSecrets & { readonly deltaFirst: Uint8Array }

/** Draws the secrets from the system's generator. The caller must pass them to `eraseSecrets` when done. */
export function drawSecrets(): SetupSecrets {
  return {
    tau: drawFieldElement(),
    alpha: drawFieldElement(),
    beta: drawFieldElement(),
    gamma: drawFieldElement(),
    delta: drawFieldElement(),
  }
}

/** The secrets of a set-up for two rounds, to be erased alike. */
export function drawTwoRoundSecrets(): TwoRoundSecrets {
  return { ...drawSecrets(), deltaFirst: drawFieldElement() }
}

export function eraseSecrets(secrets: SetupSecrets): void {
  for (const bytes of Object.values(secrets)) bytes.fill(0)
}

/** Uniform in [1, r): 254 random bits, drawn again while they are out of range (about a quarter of the draws). */
export function drawFieldElement(): Uint8Array {
  const bytes = new Uint8Array(FIELD_BYTES)
  for (;;) {
    crypto.getRandomValues(bytes)
    bytes[FIELD_BYTES - 1]! &= 0x3f
    const value = bytesToField(bytes)
    if (value > 0n && value < SCALAR_FIELD) return bytes
  }
}
