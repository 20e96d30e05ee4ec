// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { type ProvingOrder, postJob } from '../../../keepers/serving/prover-post.ts'
import { commitInput } from '../../../keepers/zkml/circuit/commitment.ts'

describe('a proving job', () => {
  it('is not made of signed content, which it would show to every prover', async () => {
    const circuits = [{ options: { input: 'signed' } }] as unknown as ProvingOrder['circuits']
    // Nothing may be asked of the chain before that is refused.
    const order = { circuits, signer: null, market: ZeroAddress, input: [1] } as unknown as ProvingOrder
    const refused = await postJob(order).catch((error: unknown) => error)
    expect(refused).to.include({ code: 'unsupported', exitCode: 64 })
    expect(String(refused)).to.match(/shows its witness to every prover/)
  })

  it('is not sealed when everybody could test guesses of its input against the commitment that it shows', async () => {
    for (const input of ['public', 'sha256', ['committed', 'public']]) {
      const circuits = [{ options: { input } }] as unknown as ProvingOrder['circuits']
      const order = { circuits, signer: null, market: ZeroAddress, input: [1], provers: [ZeroAddress] }
      const refused = await postJob(order as unknown as ProvingOrder).catch((error: unknown) => error)
      expect(refused, `${input}`).to.include({ code: 'unsupported', exitCode: 64 })
      expect(String(refused)).to.match(/hash of the input without a salt .* make the circuit with --input committed/)
    }
  })

  it('the attack: an unsalted commitment of a few small values is found by trying, a salted one is not', () => {
    const spec = { bits: 4 }
    const secret = [3, 11]
    const guess = (commitment: bigint): number[] | null => {
      for (let a = 0; a < 16; a++)
        for (let b = 0; b < 16; b++) if (commitInput([a, b], spec, 0n) === commitment) return [a, b]
      return null
    }
    expect(guess(commitInput(secret, spec, 0n))).to.deep.equal(secret)
    expect(guess(commitInput(secret, spec, 2n ** 200n + 7n))).to.equal(null)
  })
})
