// SPDX-License-Identifier: GPL-3.0-or-later
// What the console makes of a registry's log, and the proofs that it takes out of transactions, against the registry itself.
import { expect } from 'chai'
import type { ContractTransactionResponse } from 'ethers'
import { type ClaimRow, matches, stateText } from '../../../web/src/claims/claims.ts'
import { tellClaims } from '../../../web/src/claims/events.ts'
import { toCsv, toJson } from '../../../web/src/claims/export.ts'
import { publishedProof, refutingProof, verifyOnRecord } from '../../../web/src/claims/proof.ts'
import { WEIGHTS } from '../inference/hub.ts'
import { commitment } from '../inference/product-circuit.ts'
import { createClaims, DAY, ELSEWHERE } from './claims.ts'

/** A claim that its auditor's counter-batch refuted, as the page has it. */
async function refuted() {
  const world = await createClaims()
  const { claims, terms, proofOf, counterSigned, refutation, user, stranger, auditor, ethers } = world
  const given = await terms({ auditor: auditor.address })
  const proof = await proofOf(user, given, ELSEWHERE)
  const published = await claims
    .connect(user)
    .publish(given, ELSEWHERE, { signature: '0x', path: [] }, proof, { value: 9n })
  const signature = await counterSigned(stranger, 1n, ELSEWHERE)
  const fell = await claims
    .connect(stranger)
    .refuteSigned(1, ELSEWHERE, signature, await refutation(stranger, 1n, ELSEWHERE))
  const registry = await claims.getAddress()
  const logs = await ethers.provider.getLogs({ address: registry, fromBlock: 0 })
  const told = tellClaims(
    logs.map(({ topics, data, blockNumber: block, index, transactionHash }) => ({
      ...{ topics: [...topics], data, block, index, transactionHash },
    })),
    claims.interface,
  ).get(1n)!
  const claim: ClaimRow = {
    ...{ claimId: 1, service: given.service, version: 1, kind: 'accuracy', statementId: world.statements.accuracy },
    ...{ count: 64, figure: given.figure, guarantee: given.guarantee, source: 'claimant', claimant: user.address },
    ...{ auditor: auditor.address, poolId: null, bond: 9n, expiresAt: given.expiresAt, endedAt: await world.now() },
    ...{ status: 'fallen', circuitId: given.circuitId, batch: ELSEWHERE, counts: false, badge: false, told },
  }
  const { chainId } = await ethers.provider.getNetwork()
  const place = { chainId: Number(chainId), registry }
  const model = BigInt(commitment(WEIGHTS[0]!))
  return { ...world, given, published, fell, claim, place, model, now: await world.now() }
}

const refusal = async (run: () => unknown) =>
  await Promise.resolve()
    .then(run)
    .then(
      () => 'nothing',
      (error: Error) => error.message,
    )

describe('ClaimRegistry: as the console has it', () => {
  it('a claim’s proof, and the one by which it fell, are read from their transactions and verified', async () => {
    const { claims, claim, given, place, published, fell, circuit, model, ids } = await refuted()
    const abi = claims.interface
    const own = publishedProof(place, claim, published, abi)
    expect(own.context).to.equal(await claims.contextOf(claim.claimant, given))
    await verifyOnRecord(own, model, circuit.key, circuit.vkHash)
    const opposite = refutingProof(place, claim, ids.below, fell, abi)
    expect(opposite.output).to.equal(54n)
    await verifyOnRecord(opposite, model, circuit.key, circuit.vkHash)
  })

  it('an endpoint that says another figure, claimant, model or transaction is found out', async () => {
    const { claims, claim, place, published, fell, circuit, model, stranger, ids } = await refuted()
    const abi = claims.interface
    const lies: [Partial<ClaimRow>, typeof published][] = [
      [{ figure: 64 }, published],
      [{ guarantee: 60 }, published],
      [{ version: 2 }, published],
      [{ batch: 5n }, published],
      [{ expiresAt: claim.expiresAt + 1 }, published],
      // A batch that the claimant picked, shown as one that somebody else chose, or that others can refute.
      [{ source: 'auditor' }, published],
      [{ source: 'draw', poolId: 1 }, published],
      [{ auditor: stranger.address }, published],
      [{ auditor: null }, published],
    ]
    for (const [changes, transaction] of lies)
      expect(await refusal(() => publishedProof(place, { ...claim, ...changes }, transaction, abi))).to.match(/lies/)
    expect(await refusal(() => publishedProof(place, claim, fell, abi))).to.match(/not such a call/)
    expect(await refusal(() => refutingProof(place, { ...claim, claimId: 2 }, ids.below, fell, abi))).to.match(/lies/)
    const elsewhere = { to: stranger.address, data: published.data } as ContractTransactionResponse
    expect(await refusal(() => publishedProof(place, claim, elsewhere, abi))).to.match(/through 0x/)

    const false_ = /DOES NOT HOLD/
    const own = publishedProof(place, claim, published, abi)
    const verify = (record: typeof own, of = model, hash = circuit.vkHash) =>
      refusal(() => verifyOnRecord(record, of, circuit.key, hash))
    expect(await verify(own)).to.equal('nothing')
    expect(await verify({ ...own, output: 61n })).to.match(false_)
    expect(await verify({ ...own, batch: 5n })).to.match(false_)
    expect(await verify(own, model + 1n)).to.match(false_)
    const another = publishedProof(place, { ...claim, claimant: stranger.address }, published, abi)
    expect(await verify(another)).to.match(false_)
    expect(await verify(publishedProof({ ...place, chainId: 1 }, claim, published, abi))).to.match(false_)
    expect(await verify(own, model, `0x${'11'.repeat(32)}`)).to.match(/the DAO registered/)
  })

  it('its story, filters and files say what became of it', async () => {
    const { claim, auditor, stranger, place, now, fell } = await refuted()
    expect(claim.told!.happened.map(({ text }) => text)).to.deep.equal([
      'published: proven 60, guaranteed 54',
      'became the badge of its version, statement and source',
      'a guarantee of 54 no longer counts under its auditor',
      `refuted by ${stranger.address}, who is owed 0.000000000000000007 ether`,
    ])
    expect(stateText(claim, now)).to.equal('refuted')
    const any = { kind: 'all', state: 'all', auditor: '' } as const
    const standing = { ...claim, status: 'standing', counts: true, badge: true } as const
    expect(matches(claim, { ...any, state: 'refuted' }, now)).to.equal(true)
    expect(matches(standing, { ...any, state: 'refuted' }, now)).to.equal(false)
    expect(matches(claim, { ...any, auditor: auditor.address.toLowerCase().slice(5, 20) }, now)).to.equal(true)
    expect(matches(claim, { ...any, auditor: stranger.address }, now)).to.equal(false)
    expect(matches({ ...claim, auditor: null }, { ...any, auditor: '0x' }, now)).to.equal(false)
    expect(matches(claim, { ...any, kind: 'odds' }, now)).to.equal(false)
    // It ends in 30 days, less the seconds since.
    expect(matches(standing, { ...any, state: 'expiring' }, now)).to.equal(true)
    expect(matches(standing, { ...any, state: 'expiring' }, now - DAY)).to.equal(false)
    expect(matches(standing, { ...any, state: 'expiring' }, claim.expiresAt)).to.equal(false)
    expect(matches(standing, { ...any, state: 'expired' }, claim.expiresAt)).to.equal(true)

    const csv = toCsv([claim, standing], now).split('\r\n')
    expect(csv).to.have.length(4)
    expect(csv[0]).to.match(/^"claim","service","version","kind"/)
    expect(csv[1]).to.contain(`"${fell.hash}"`)
    expect(toCsv([{ ...claim, service: '=1"2' }], now)).to.contain('"=1""2"')
    const { claims } = JSON.parse(toJson([claim], now, { ...place, block: 7 }))
    expect(claims[0]).to.include({ figure: 60, guarantee: 54, state: 'refuted', refutedBy: stranger.address })
    expect(claims[0].history).to.have.length(4)
  })
})
