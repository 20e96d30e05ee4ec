// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { network } from 'hardhat'
import { encodeBatchCalldata, encodeVerifyCalldata } from '../../../keepers/zkml/verifier/calldata.ts'
import { deployTwoRound, words } from './two-round.ts'

const { ethers } = await network.create()

describe('gas of the verifier of Groth16 in two rounds', () => {
  for (const challenges of [1, 2] as const) {
    // Two roots at 4,000 gas each (EIP-7883, Osaka) are in it; before Osaka they cost 1,340.
    const most = challenges === 1 ? 286_000 : 293_000
    it(`is at most ${most} for one proof, ${challenges} of its challenges, and 100,000 for each of 16`, async () => {
      const secrets = Array.from({ length: 16 }, (_, i) => 10 * i + 3)
      const { verifier, proofs, deployedBytes } = await deployTwoRound(ethers, challenges, secrets)
      const [signer] = await ethers.getSigners()
      const to = await verifier.getAddress()
      const send = async (data: string) => Number((await (await signer!.sendTransaction({ to, data })).wait())!.gasUsed)
      const single = await send(encodeVerifyCalldata(proofs[0]!.proof, proofs[0]!.publicSignals))
      const batch = await send(encodeBatchCalldata(proofs))
      if (process.env.COHORT_SHOW_GAS === '1') console.log({ challenges, single, each: batch / 16, deployedBytes })
      expect(single).to.be.at.most(most)
      expect(batch / 16).to.be.at.most(100_000)
      expect(deployedBytes).to.be.below(24_576)
      // A relayer loses little by garbage.
      const { a, b, c, signals } = words(proofs[0]!)
      const garbage = [a[0], a[1]! ^ 1n]
      const refused = await verifier.getFunction('verifyProof').estimateGas(garbage, b, c, signals)
      expect(Number(refused)).to.be.below(50_000)
    })
  }
})
