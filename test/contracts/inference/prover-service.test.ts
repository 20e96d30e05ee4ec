// SPDX-License-Identifier: GPL-3.0-or-later
// What the prover's daemon claims on a market whose jobs may be traps.
import { expect } from 'chai'
import { id } from 'ethers'
import { clients } from '../../../keepers/chain/index.ts'
import type { ProverEvent } from '../../../keepers/serving/prover-account.ts'
import { ProverService } from '../../../keepers/serving/prover-service.ts'
import type { CircuitShelf } from '../../../keepers/serving/prover-shelf.ts'
import { encodeReference, encodeWitness } from '../../../keepers/serving/prover-witness.ts'
import { CLAIM_SECONDS, createMarket, MIN_BOND, SLOT } from './prover-market.ts'

/** The service of `alice`, whose own run of a circuit gives whatever the job states; it stops before it proves. */
async function createService(minSeconds: number, changes: object, ownKey?: string) {
  const world = await createMarket()
  const { market, poster, alice, ethers, segments, terms, escrowOf } = world
  const given = await terms(changes)
  const [only] = segments.slice(-1)
  const sample = { input: Float64Array.of(1), salts: {} }
  const witness = encodeReference({ document: encodeWitness([{ sample }] as never) })
  await market.connect(poster).post(given, [only!], witness, { value: escrowOf(given, 1) })
  const verifiers = clients.verifiers(await market.VERIFIERS(), ethers.provider)
  const registered = (await verifiers.getVerifier(only!.circuitId)).vkHash
  const said: ProverEvent[] = []
  const shelf = {
    size: 1,
    has: () => true,
    prover: async () => ({
      circuit: {
        witness: () => ({ publicSignals: [BigInt(only!.modelCommitment), BigInt(only!.inputCommitment), 420n, 0n] }),
      },
      metadata: { vkHash: ownKey ?? registered },
      prove: () => Promise.reject(new Error('the power is gone')),
    }),
  } as unknown as CircuitShelf
  const service = await ProverService.open({
    ...{ provider: ethers.provider as never, signer: alice, market: await market.getAddress(), shelf, plane: null },
    ...{ fromBlock: 0, minPrice: 0n, maxBond: 100n * MIN_BOND, minSeconds, pollMs: 1 },
    onEvent: (event) => said.push(event),
  })
  const look = () => service.step(new AbortController().signal).catch(() => undefined)
  return { ...world, look, said }
}

describe('a prover’s daemon', () => {
  it('the attack: claims what nobody can answer in time, and the poster is paid for the silence', async () => {
    const { market, poster, alice, look, slot, networkHelpers } = await createService(0, { claimSeconds: 30 })
    await look()
    expect([(await slot(1n)).state, (await slot(1n)).prover]).to.deep.equal([SLOT.claimed, alice.address])
    // A proof takes a second or a minute; the transaction that brings it takes blocks of twelve seconds.
    await networkHelpers.time.increase(30)
    await market.expire(1, 0, 0)
    expect(await market.balanceOf(poster)).to.equal(MIN_BOND / 10n)
  })

  it('claims no slot whose window, or whose deadline, leaves too little time; and says so once', async () => {
    const { time } = (await createMarket()).networkHelpers
    for (const trap of [{ claimSeconds: 59 }, { deadline: (await time.latest()) + 40 }]) {
      const { look, said, slot } = await createService(60, trap)
      for (let looks = 0; looks < 3; looks++) await look()
      expect((await slot(1n)).state).to.equal(SLOT.open)
      expect(said).to.deep.equal(['skipped'])
    }
  })

  it('claims nothing of a circuit that is verified with another key than its own: its proofs would be false', async () => {
    const { look, slot, said } = await createService(60, { claimSeconds: CLAIM_SECONDS }, id('another set-up'))
    await look()
    expect((await slot(1n)).state).to.equal(SLOT.open)
    expect(said).to.deep.equal(['skipped'])
  })

  it('claims one that leaves enough', async () => {
    const { look, slot, said } = await createService(60, { claimSeconds: CLAIM_SECONDS })
    await look()
    expect((await slot(1n)).state).to.equal(SLOT.claimed)
    expect(said).to.include('claimed')
  })
})
