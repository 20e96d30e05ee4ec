// SPDX-License-Identifier: GPL-3.0-or-later
// A verifier of Groth16 in two rounds, deployed for a hand-built circuit, with proofs that it takes.

import type { HardhatEthers } from '@nomicfoundation/hardhat-ethers/types'
import type { BaseContract } from 'ethers'
import { SCALAR_FIELD } from '../../../keepers/zkml/bn254.ts'
import { openTwoRound } from '../../../keepers/zkml/prove/two-round.ts'
import type { TwoRoundProofWithSignals } from '../../../keepers/zkml/prove/two-round-proof.ts'
import { toSolidityProof } from '../../../keepers/zkml/verifier/calldata.ts'
import { exportTwoRoundVerifier } from '../../../keepers/zkml/verifier/two-round-solidity.ts'
import { compile } from '../../../scripts/solc.ts'
import { keyFor, type TestKey } from '../../keepers/zkml/two-round/keys.ts'
import { honest, rangeCircuit } from '../../keepers/zkml/two-round/range-circuit.ts'

export type Verifier = BaseContract & Record<string, any>

export type Words = {
  a: bigint[]
  b: bigint[][]
  /** Both commitments, a word each. */
  c: bigint[]
  signals: bigint[]
}

export type Deployed = {
  readonly verifier: Verifier
  readonly test: TestKey
  readonly proofs: readonly TwoRoundProofWithSignals[]
  readonly deployedBytes: number
}

/** A full word, as contexts are. */
const CONTEXT = SCALAR_FIELD - 2n ** 200n

export async function deployTwoRound(
  ethers: HardhatEthers,
  challenges: 1 | 2,
  secrets: readonly number[],
): Promise<Deployed> {
  const circuit = rangeCircuit(challenges)
  const test = await keyFor(circuit)
  const prover = await openTwoRound(test.zkey, { threads: 2 })
  const proofs = await Promise.all(secrets.map((secret) => prover.prove(honest(circuit, secret, CONTEXT))))
  await prover.close()
  const source = exportTwoRoundVerifier(test.key, { name: 'Ranges', setupKind: 'local' })
  const { abi, bytecode, deployedBytes } = compile(source, { strict: true }).Ranges!
  const [signer] = await ethers.getSigners()
  const verifier = (await new ethers.ContractFactory(abi as any, bytecode, signer).deploy()) as Verifier
  return { verifier, test, proofs, deployedBytes }
}

export function words({ proof, publicSignals }: TwoRoundProofWithSignals): Words {
  const { a, b, c } = toSolidityProof(proof)
  return { a: [...a], b: b.map((row) => [...row]), c: [...c], signals: [...publicSignals] }
}
