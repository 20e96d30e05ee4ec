// SPDX-License-Identifier: GPL-3.0-or-later
// The way of a release, and what is refused on it.
import { expect } from 'chai'
import { chunksHashOf } from '../../../keepers/chain/index.ts'
import { fieldsOf } from '../governance/accounts.ts'
import { BOND, createTables, DAY, FEE, SEED_COMMITMENT, STATES, STATUS, square, TERMS, UNIT, UNITS } from './tables.ts'

describe('PrivateTables: releases', () => {
  it('a release passes from request to delivery, in as many transactions as the server likes; fee and bond are the server’s', async () => {
    const { tables, accepted, advance, deliver, server, outputs } = await createTables()
    const id = await accepted()
    await advance(id, 0, 1)
    await advance(id, 1, 3)
    await expect(deliver(id)).to.emit(tables, 'ReleaseDelivered').withArgs(id, 1, outputs(2))
    expect((await tables.requestOf(id)).status).to.equal(STATUS.delivered)
    expect(await tables.balanceOf(server)).to.equal(FEE + BOND)
    const { spentEpsilon, spentDelta, failed } = await tables.seriesOf(1)
    const units = BigInt(UNITS.marginals)
    expect([spentEpsilon, spentDelta, failed]).to.deep.equal([units * UNIT.epsilon, units * UNIT.delta, 0n])
    expect((await tables.versionOf(1, 1)).spentEpsilon).to.equal(units * UNIT.epsilon)
  })

  it('a model’s outcomes are proven of the model that the request commits to, and of no other', async () => {
    const { tables, accepted, advance, deliver, ids } = await createTables()
    const id = await accepted('outcomes')
    await expect(advance(id, 0, 3, 78n))
      .to.be.revertedWithCustomError(tables, 'InvalidProof')
      .withArgs(ids.outcomes)
    await advance(id, 0, 3, 77n)
    await deliver(id, 1)
    expect((await tables.seriesOf(1)).spentEpsilon).to.equal(UNIT.epsilon)
  })

  it('only chunks of the committed table count, each once, in their order, and all of them', async () => {
    const { tables, accepted, advance, deliver, server, chunks, chunkProofs, statesAfter, ids } = await createTables()
    const id = await accepted()
    const by = tables.connect(server)
    const proofs = await chunkProofs(0, 3)
    const other = [...chunks.slice(0, 2), square(104n)]
    for (const given of [other, chunks.slice(0, 2), [...chunks, square(104n)], chunks.toReversed()])
      await expect(by.advance(id, given, statesAfter(0, 3), proofs))
        .to.be.revertedWithCustomError(tables, 'NotCommittedChunks')
        .withArgs(chunksHashOf(given), chunksHashOf(chunks))
    await expect(deliver(id)).to.be.revertedWithCustomError(tables, 'ChunksMissing').withArgs(0, 3)
    await advance(id, 0, 1)
    // The first chunk once more; the third in place of the second.
    await expect(by.advance(id, chunks, statesAfter(0, 1), proofs.slice(0, 1)))
      .to.be.revertedWithCustomError(tables, 'InvalidProof')
      .withArgs(ids.marginals)
    await expect(by.advance(id, chunks, statesAfter(2, 3), proofs.slice(2))).to.be.revertedWithCustomError(
      tables,
      'InvalidProof',
    )
    await expect(deliver(id)).to.be.revertedWithCustomError(tables, 'ChunksMissing').withArgs(1, 3)
    await advance(id, 1, 3)
    await expect(by.advance(id, chunks, statesAfter(0, 1), proofs.slice(0, 1)))
      .to.be.revertedWithCustomError(tables, 'ChainInvalid')
      .withArgs(1, 1, 0)
    await deliver(id)
  })

  it('a chain that does not begin with nothing, or that leaves its states, is refused', async () => {
    const { tables, accepted, server, chunks, chunkProofs } = await createTables()
    const id = await accepted()
    const by = tables.connect(server)
    const other = [5n, ...STATES]
    await expect(
      by.advance(id, chunks, STATES.map(square), await chunkProofs(0, 3, 0n, other)),
    ).to.be.revertedWithCustomError(tables, 'InvalidProof')
    const proofs = await chunkProofs(0, 3)
    await expect(
      by.advance(id, chunks, [STATES[0]!, 9n, STATES[2]!].map(square), proofs),
    ).to.be.revertedWithCustomError(tables, 'InvalidProof')
    for (const [states, given] of [
      [STATES.slice(0, 2), proofs],
      [[], []],
    ] as const)
      await expect(by.advance(id, chunks, states.map(square), [...given])).to.be.revertedWithCustomError(
        tables,
        'ChainInvalid',
      )
  })

  it('noise is of the committed seed, of this request, of this slice; outputs cannot be changed or left out', async () => {
    const { tables, accepted, advance, server, outputs, noiseProofs } = await createTables()
    const first = await accepted('outcomes')
    const id = await accepted('outcomes')
    await advance(id, 0, 3, 77n)
    const by = tables.connect(server)
    const [output] = outputs(1)
    const right = await noiseProofs(id, [output!])
    const wrong = [
      { given: [output!], proofs: await noiseProofs(id, [output!], SEED_COMMITMENT + 1n) },
      { given: [output!], proofs: await noiseProofs(first, [output!]) },
      { given: [output! + 1n], proofs: right },
    ]
    for (const { given, proofs } of wrong)
      await expect(by.deliver(id, given, proofs)).to.be.revertedWithCustomError(tables, 'InvalidProof')
    await expect(by.deliver(id, [], []))
      .to.be.revertedWithCustomError(tables, 'SlicesInvalid')
      .withArgs(0, 0, 1)
    await expect(by.deliver(id, outputs(2), [...right, ...right])).to.be.revertedWithCustomError(
      tables,
      'SlicesInvalid',
    )
    await by.deliver(id, [output!], right)
    await expect(by.deliver(id, [output!], right)).to.be.revertedWithCustomError(tables, 'WrongStatus')

    const marginals = await accepted()
    await advance(marginals, 0, 3)
    const [a, b] = await noiseProofs(marginals, outputs(2))
    await expect(by.deliver(marginals, outputs(2).toReversed(), [b!, a!])).to.be.revertedWithCustomError(
      tables,
      'InvalidProof',
    )
  })

  it('contexts differ by request and slice, fit the field, and end in the slice', async () => {
    const { tables, accepted } = await createTables()
    const [a, b] = [await accepted('outcomes'), await accepted('outcomes')]
    const contexts = await Promise.all([a, b].flatMap((id) => [0, 1].map((slice) => tables.contextOf(id, slice))))
    expect(new Set(contexts).size).to.equal(4)
    for (const [i, context] of contexts.entries()) {
      expect(context < 1n << 244n).to.equal(true)
      expect(context & 15n).to.equal(BigInt(i % 2))
    }
  })

  it('each step is its actor’s, in its state and time', async () => {
    const { tables, ask, accept, advance, deliver, late, user, stranger, server, ethers, networkHelpers } =
      await createTables()
    const id = await ask()
    const wrong = (sent: Promise<unknown>, found: bigint, expected: bigint) =>
      expect(sent).to.be.revertedWithCustomError(tables, 'WrongStatus').withArgs(id, found, expected)
    await expect(tables.connect(stranger).cancel(id)).to.be.revertedWithCustomError(tables, 'NotRequester')
    await expect(tables.connect(user).accept(id, { value: BOND })).to.be.revertedWithCustomError(tables, 'NotServer')
    await expect(tables.connect(server).accept(id))
      .to.be.revertedWithCustomError(tables, 'WrongValue')
      .withArgs(0, BOND)
    await wrong(tables.fixBeacon(id), STATUS.open, STATUS.accepted)
    await wrong(tables.expire(id), STATUS.open, STATUS.accepted)
    await wrong(advance(id, 0, 3), STATUS.open, STATUS.accepted)
    await accept(id)
    await wrong(tables.connect(user).cancel(id), STATUS.accepted, STATUS.open)
    await expect(tables.fixBeacon(id)).to.be.revertedWithCustomError(tables, 'BeaconTooEarly')
    await expect(tables.contextOf(id, 0)).to.be.revertedWithCustomError(tables, 'BeaconMissing')
    await expect(tables.expire(id)).to.be.revertedWithCustomError(tables, 'NotDueYet')
    await networkHelpers.mine(3)
    await tables.connect(stranger).fixBeacon(id)
    await expect(tables.fixBeacon(id)).to.be.revertedWithCustomError(tables, 'BeaconAlreadyFixed')
    await expect(tables.connect(stranger).advance(id, [], [], [])).to.be.revertedWithCustomError(tables, 'NotServer')
    const { dueAt } = await tables.requestOf(id)
    await networkHelpers.time.setNextBlockTimestamp(dueAt)
    await advance(id, 0, 3)
    await late()
    await expect(advance(id, 0, 3)).to.be.revertedWithCustomError(tables, 'TooLate')
    await expect(deliver(id)).to.be.revertedWithCustomError(tables, 'TooLate')
    for (const call of [
      () => tables.requestOf(99),
      () => tables.contextOf(99, 0),
      () => tables.expire(99),
      () => tables.cancel(0),
    ])
      await expect(call()).to.be.revertedWithCustomError(tables, 'UnknownRequest')
    expect(await tables.supportsInterface('0x01ffc9a7')).to.equal(true)
    expect(ethers.isAddress(await tables.TREASURY())).to.equal(true)
  })

  it('a cancelled request costs nothing', async () => {
    const { tables, ask, accept, user } = await createTables()
    const id = await ask()
    await tables.connect(user).cancel(id)
    expect(await tables.balanceOf(user)).to.equal(FEE)
    expect((await tables.seriesOf(1)).spentEpsilon).to.equal(0n)
    await expect(accept(id)).to.be.revertedWithCustomError(tables, 'WrongStatus')
    await expect(tables.connect(user).cancel(id)).to.be.revertedWithCustomError(tables, 'WrongStatus')
  })

  it('refuses requests for versions and queries that do not exist, with other models, and other fees', async () => {
    const { tables, queryIds, user, ethers } = await createTables()
    const by = tables.connect(user)
    const ask = (changes: object) => {
      const { series, version, queryId, model, elements, value } = {
        ...{ series: 1, version: 1, queryId: queryIds.marginals, model: 0n, elements: [] as bigint[], value: FEE },
        ...changes,
      }
      return by.request(series, version, queryId, model, elements, { value })
    }
    const outcomes = { queryId: queryIds.outcomes }
    for (const [changes, error] of [
      [{ series: 2 }, 'UnknownSeries'],
      [{ series: 0 }, 'UnknownSeries'],
      [{ version: 0 }, 'UnknownVersion'],
      [{ version: 2 }, 'UnknownVersion'],
      [{ queryId: ethers.id('other') }, 'UnknownQuery'],
      [{ model: 1n }, 'ModelInvalid'],
      [{ elements: [1n] }, 'ModelInvalid'],
      [outcomes, 'ModelInvalid'],
      [{ ...outcomes, model: 1n }, 'ModelInvalid'],
      [{ ...outcomes, model: 1n, elements: new Array(65).fill(1n) }, 'ModelInvalid'],
      [{ value: 0n }, 'WrongValue'],
      [{ value: FEE + 1n }, 'WrongValue'],
    ] as const)
      await expect(ask(changes)).to.be.revertedWithCustomError(tables, error)
  })

  it('refuses terms, versions and queries that mean nothing', async () => {
    const { tables, server, stranger, dao, queries, ids, ethers, networkHelpers } = await createTables()
    for (const changes of [
      { versionEpsilon: 0n },
      { versionEpsilon: TERMS.maxEpsilon + 1n },
      { deliverySeconds: 59 },
      { deliverySeconds: 30 * DAY + 1 },
      { bond: 0n },
    ])
      await expect(tables.openSeries({ ...TERMS, ...changes })).to.be.revertedWithCustomError(tables, 'TermsInvalid')
    const by = tables.connect(server)
    const hash = ethers.id('chunks')
    await networkHelpers.time.increase(DAY)
    await expect(tables.connect(stranger).commitVersion(1, hash, 1, 1n)).to.be.revertedWithCustomError(
      tables,
      'NotServer',
    )
    for (const [given, chunks, seed] of [
      [ethers.ZeroHash, 1, 1n],
      [hash, 0, 1n],
      [hash, 16_384, 1n],
      [hash, 1, 0n],
    ] as const)
      await expect(by.commitVersion(1, given, chunks, seed)).to.be.revertedWithCustomError(tables, 'TableInvalid')
    await by.commitVersion(1, hash, 17, 1n)
    await expect(by.commitVersion(1, hash, 1, 1n)).to.be.revertedWithCustomError(tables, 'IntervalNotOver')
    await expect(
      tables.request(1, 2, await tables.queryIdOf(queries.marginals), 0n, [], { value: FEE }),
      '17 chunks of 1,000 rows',
    ).to.be.revertedWithCustomError(tables, 'TableInvalid')

    const described = fieldsOf(await tables.queryOf(await tables.queryIdOf(queries.marginals)))
    expect(described.units).to.equal(BigInt(queries.marginals.units))
    const registrar = tables.connect(dao)
    await expect(registrar.describeQuery(queries.marginals)).to.be.revertedWithCustomError(
      tables,
      'QueryAlreadyDescribed',
    )
    for (const changes of [{ slices: 0 }, { slices: 17 }, { units: 0 }, { rowsPerChunk: 0 }, { emptyState: 0n }])
      await expect(registrar.describeQuery({ ...queries.marginals, ...changes })).to.be.revertedWithCustomError(
        tables,
        'QueryInvalid',
      )
    await expect(
      registrar.describeQuery({ ...queries.marginals, noiseCircuit: ids.marginals }),
    ).to.be.revertedWithCustomError(tables, 'NoiseNotDescribed')
    await expect(registrar.describeNoise(ids.noise, 1, 0)).to.be.revertedWithCustomError(tables, 'NoiseInvalid')
    await expect(registrar.describeNoise(ids.marginals, 0, 0)).to.be.revertedWithCustomError(tables, 'NoiseInvalid')
    for (const call of [
      () => tables.connect(stranger).describeQuery({ ...queries.marginals, units: 1 }),
      () => tables.connect(stranger).describeNoise(ids.outcomes, 1, 0),
    ])
      await expect(call()).to.be.revertedWithCustomError(tables, 'AccessControlUnauthorizedAccount')
  })
})
