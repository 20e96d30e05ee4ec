// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { ZeroAddress } from 'ethers'
import { type ProvingOrder, postJob } from '../../../keepers/serving/prover-post.ts'

describe('a proving job', () => {
  it('is not made of signed content, which it would show to every prover', async () => {
    const circuits = [{ options: { input: 'signed' } }] as unknown as ProvingOrder['circuits']
    // Nothing may be asked of the chain before that is refused.
    const order = { circuits, signer: null, market: ZeroAddress, input: [1] } as unknown as ProvingOrder
    const refused = await postJob(order).catch((error: unknown) => error)
    expect(refused).to.include({ code: 'unsupported', exitCode: 64 })
    expect(String(refused)).to.match(/shows its witness to every prover/)
  })
})
