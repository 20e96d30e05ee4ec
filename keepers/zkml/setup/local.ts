// SPDX-License-Identifier: GPL-3.0-or-later
// A Groth16 proving key straight from the r1cs, by one party with fresh secrets. It takes seconds, where the generic path over
// powers of tau takes many minutes, because the party knows the secrets while it computes the exponents. That party could have kept
// the secrets and forged proofs, so the key is marked local wherever it shows.
import { readFile } from 'node:fs/promises'
import { verificationKeyHash, verificationKeyOf } from '../verifier/verification-key.ts'
import { type LocalSetupOptions, writeKey } from './key-file.ts'
import { type KeyMetadata, sha256, sha256File, writeKeyMetadata } from './metadata.ts'
import { parseR1cs } from './r1cs.ts'
import { parseZkey } from './zkey.ts'

export type { LocalSetupOptions, SetupProgress } from './key-file.ts'

/**
 * Computes a proving key for the circuit in `r1csPath` and writes `zkeyPath` and then its metadata file, each whole or not at all;
 * loaders refuse a key without matching metadata. The secrets are overwritten at the end.
 *
 * Throws SetupError for a circuit that cannot be served, or the signal's reason.
 */
export async function setupLocal(
  r1csPath: string,
  zkeyPath: string,
  options: LocalSetupOptions = {},
): Promise<KeyMetadata> {
  options.signal?.throwIfAborted()
  const file = await readFile(r1csPath)
  const r1cs = parseR1cs(file, r1csPath)
  const r1csSha256 = sha256(file)
  await writeKey({ r1cs, r1csSha256, zkeyPath, shape: null, options })

  const vkey = await verificationKeyOf(parseZkey(await readFile(zkeyPath), zkeyPath))
  const { constraints, variables, publicSignals } = r1cs.header
  const metadata: KeyMetadata = {
    format: 'cohort-proving-key',
    version: 1,
    setup: 'local',
    circuit: { r1csSha256, constraints, variables, publicSignals },
    zkeySha256: await sha256File(zkeyPath),
    vkHash: verificationKeyHash(vkey),
    createdAt: new Date().toISOString(),
  }
  await writeKeyMetadata(zkeyPath, metadata)
  return metadata
}
