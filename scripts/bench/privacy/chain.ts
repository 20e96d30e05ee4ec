// SPDX-License-Identifier: GPL-3.0-or-later
import { deployVerifier } from '../../../keepers/serving/index.ts'
import { type InferenceProver, toSolidityProof } from '../../../keepers/zkml/index.ts'

/** Gas of a whole transaction in which the deployed verifier accepts a proof of this circuit. @throws when it does not */
export async function verificationGas(prover: InferenceProver, input: Float64Array): Promise<number> {
  const { network } = await import('hardhat')
  const { ethers } = await network.create()
  const [account] = await ethers.getSigners()
  const { address } = await deployVerifier(prover.circuit.folder.folder, account!, 'Cells')
  const { proof, publicSignals } = await prover.prove({ input, context: 1n, clamp: true })
  const verifier = await ethers.getContractAt('IGroth16Verifier', address)
  const { a, b, c } = toSolidityProof(proof)
  const words = [[...a], [[...b[0]], [...b[1]]], [...c], [...publicSignals]] as unknown as Parameters<
    typeof verifier.verifyProof.staticCall
  >
  if (!(await verifier.verifyProof(...words))) throw new Error('the verifier refuses the proof')
  return Number(await verifier.verifyProof.estimateGas(...words))
}
