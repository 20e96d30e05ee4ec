// SPDX-License-Identifier: GPL-3.0-or-later
import { toBeHex } from 'ethers'
import { exportVerifier, type InferenceProver } from '../../../keepers/zkml/index.ts'
import { compile } from '../../../scripts/solc.ts'
import { OUTPUT } from '../inference/output-schema.ts'
import type { createMarkets } from './market.ts'

type Markets = Awaited<ReturnType<typeof createMarkets>>

/**
 * Puts a real reader beside the markets' first one: its verifier, version 4 of the model (accepted, not released), and model 4
 * of the hub. Returns the hash of its verification key.
 */
export async function addReader(
  { dao, owner, keepers, verifiers, hub, service, described, ethers }: Markets,
  prover: InferenceProver,
  name: string,
  cid: string,
): Promise<string> {
  const { circuitId, modelCommitment } = prover.circuit.folder.manifest
  const { vkHash } = prover.metadata
  const commitment = toBeHex(modelCommitment, 32)
  const compiled = compile(exportVerifier(prover.key, { name, setupKind: 'local' }))[name]!
  const verifier = await new ethers.ContractFactory(compiled.abi, compiled.bytecode, dao).deploy()
  await verifiers.register(circuitId, await verifier.getAddress(), vkHash, 1, '0x')
  await keepers.publish(4, 4, commitment, cid, 7)
  await hub
    .connect(owner)
    .registerModel(described(commitment, { circuitHash: circuitId, vkHash }), service, 4, OUTPUT.labelAndMargin)
  return vkHash
}
