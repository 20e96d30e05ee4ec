// SPDX-License-Identifier: GPL-3.0-or-later
// The local set-up for Groth16 in two rounds: one more secret, for the part of the key that proofs commit with first.
import { readFile } from 'node:fs/promises'
import { twoRoundKeyHash, twoRoundKeyOf } from '../verifier/two-round-key.ts'
import { type LocalSetupOptions, writeKey } from './key-file.ts'
import { type KeyMetadata, sha256, sha256File, writeKeyMetadata } from './metadata.ts'
import { checkPartition } from './partition.ts'
import { parseR1cs } from './r1cs.ts'
import { requireShape, type TwoRoundShape } from './two-round-shape.ts'
import { parseTwoRoundZkey } from './two-round-zkey.ts'

/**
 * Computes a proving key for the circuit in `r1csPath`, with its wires in the order of `shape`, and writes `zkeyPath` and then its
 * metadata file, each whole or not at all. The secrets are overwritten at the end.
 *
 * Throws SetupError for a circuit that cannot be served, or with a second round that is not determined (see `checkPartition`); or
 * the signal's reason.
 */
export async function setupTwoRound(
  r1csPath: string,
  zkeyPath: string,
  shape: TwoRoundShape,
  options: LocalSetupOptions = {},
): Promise<KeyMetadata> {
  options.signal?.throwIfAborted()
  const file = await readFile(r1csPath)
  const r1cs = parseR1cs(file, r1csPath)
  requireShape(shape, r1cs.header, r1csPath)
  const r1csSha256 = sha256(file)
  const check = () => void checkPartition(r1cs, shape, r1csPath)
  await writeKey({ r1cs, r1csSha256, zkeyPath, shape, check, options })

  const vkey = await twoRoundKeyOf(parseTwoRoundZkey(await readFile(zkeyPath), zkeyPath))
  const { publicSignals, challenges, firstRound } = shape
  const { constraints, variables } = r1cs.header
  const metadata: KeyMetadata = {
    format: 'cohort-proving-key',
    version: 1,
    setup: 'local',
    circuit: { r1csSha256, constraints, variables, publicSignals },
    rounds: { challenges, firstRound },
    zkeySha256: await sha256File(zkeyPath),
    vkHash: twoRoundKeyHash(vkey),
    createdAt: new Date().toISOString(),
  }
  await writeKeyMetadata(zkeyPath, metadata)
  return metadata
}
