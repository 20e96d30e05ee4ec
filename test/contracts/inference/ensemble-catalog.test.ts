// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { decide, RULES } from '../../../scripts/bench/ensemble/decide.ts'
import { randomFrom } from '../invariants/random.ts'
import { createOracle, DECODING, INPUT, labelled, type Model, RULE, type Seat, STATUS, signed } from './ensemble.ts'
import { FORM, OUTPUT } from './output-schema.ts'
import { FIELD_ORDER } from './product-circuit.ts'

const DAY = 24 * 3600

describe('The catalogue of ensembles', () => {
  it('keeps settings and members as they were given', async () => {
    const { oracle, settings, seat, addModel, owner } = await createOracle()
    const model = await addModel(labelled(1, 2))
    const given = settings({
      rule: RULE.marginVote,
      quorum: 10_000,
      majority: 1,
      adaptation: 6,
      curator: owner.address,
    })
    const seats = [seat(model, { decoding: DECODING.labelAndMargin, weight: 256, minMargin: 7n, id: BigInt(model.id) })]
    const creating = oracle.connect(owner).createEnsemble(given, seats)
    await expect(creating).to.emit(oracle, 'EnsembleCreated')
    const [found, members] = await oracle.getEnsemble(1)
    expect([...found]).to.deep.equal([1n, 10_000n, 1n, 6n, owner.address, 10n, 0n])
    expect([...members[0]!]).to.deep.equal([BigInt(model.id), 1n, 256n, 7n])
    expect(await oracle.weightsOf(1)).to.deep.equal([256n])
    await expect(oracle.getEnsemble(2)).to.be.revertedWithCustomError(oracle, 'UnknownEnsemble').withArgs(2, 1)
    await expect(oracle.weightsOf(0)).to.be.revertedWithCustomError(oracle, 'UnknownEnsemble').withArgs(0, 1)
  })

  it('refuses settings that make no sense, saying which and why', async () => {
    const { oracle, settings, seat } = await createOracle()
    const cases: [object, string, unknown[]][] = [
      [{ quorum: 0 }, 'QuorumInvalid', [0, 10_000]],
      [{ quorum: 10_001 }, 'QuorumInvalid', [10_001, 10_000]],
      [{ majority: 10_001 }, 'MajorityInvalid', [10_001, 10_000]],
      [{ majority: 1, rule: RULE.mean }, 'MajorityInvalid', [1, 0]],
      [{ adaptation: 1 }, 'AdaptationInvalid', [1, 2, 6]],
      [{ adaptation: 7 }, 'AdaptationInvalid', [7, 2, 6]],
      [{ range: 1n }, 'RangeInvalid', [1, 2, 65_536]],
      [{ range: 65_537n }, 'RangeInvalid', [65_537, 2, 65_536]],
      [{ range: 0n, rule: RULE.median }, 'RangeInvalid', [0, 1, 2n ** 120n]],
      [{ range: 2n ** 120n + 1n, rule: RULE.mean }, 'RangeInvalid', [2n ** 120n + 1n, 1, 2n ** 120n]],
      [{ tolerance: 1n }, 'ToleranceInvalid', [1, 0]],
      [{ tolerance: 11n, rule: RULE.mean }, 'ToleranceInvalid', [11, 10]],
    ]
    for (const [changes, error, args] of cases) {
      await expect(oracle.createEnsemble(settings(changes), [seat(1)]), error)
        .to.be.revertedWithCustomError(oracle, error)
        .withArgs(...args)
    }
    expect(await oracle.ensembleCount()).to.equal(0n)
  })

  it('refuses members that make no sense, saying which and why', async () => {
    const { oracle, hub, owner, service, described, settings, seat, nested, create } = await createOracle()
    await create({}, [seat(1)])
    await hub.connect(owner).deprecateModel(2)
    await hub.registerModel(described(), service, 0, OUTPUT.hash)
    const score = { decoding: DECODING.score }
    const pair = { decoding: DECODING.labelAndMargin }
    const cases: [object, Seat[], string, unknown[]][] = [
      [{}, [], 'MemberCount', [0, 16]],
      [{}, Array.from({ length: 17 }, () => seat(1)), 'MemberCount', [17, 16]],
      [{}, [seat(1, { weight: 255 })], 'MemberWeightInvalid', [0, 255, 256, 16_383]],
      [{}, [seat(1, { weight: 16_384 })], 'MemberWeightInvalid', [0, 16_384, 256, 16_383]],
      [{}, [seat(1), seat(1)], 'DuplicateMember', [1, 0]],
      [{}, [nested(1), seat(1), nested(1)], 'DuplicateMember', [2, 0]],
      [{}, [seat(2)], 'MemberDeprecated', [0, 2]],
      [{}, [seat(1, score)], 'DecodingNotForRule', [0, DECODING.score, RULE.vote]],
      [{ rule: RULE.mean }, [seat(1)], 'DecodingNotForRule', [0, DECODING.label, RULE.mean]],
      [{ rule: RULE.marginVote }, [seat(1)], 'DecodingNotForRule', [0, DECODING.label, RULE.marginVote]],
      [{}, [seat(1, pair)], 'DecodingNotOfModel', [0, DECODING.labelAndMargin, FORM.label]],
      [{ rule: RULE.mean }, [seat(1, score)], 'DecodingNotOfModel', [0, DECODING.score, FORM.label]],
      [{}, [seat(3)], 'DecodingNotOfModel', [0, DECODING.label, FORM.hash]],
      [{}, [seat(1, { minMargin: 1 })], 'MarginNotStated', [0, DECODING.label]],
      [{ rule: RULE.mean }, [seat(1, { ...score, minMargin: 1 })], 'MarginNotStated', [0, DECODING.score]],
      [{ rule: RULE.mean }, [nested(1, { minMargin: 1 })], 'MarginNotStated', [0, DECODING.ensemble]],
    ]
    for (const [changes, seats, error, args] of cases) {
      await expect(oracle.createEnsemble(settings(changes), seats), error)
        .to.be.revertedWithCustomError(oracle, error)
        .withArgs(...args)
    }
    await expect(oracle.createEnsemble(settings(), [seat(9)]))
      .to.be.revertedWithCustomError(hub, 'ModelNotFound')
      .withArgs(9)
    expect(await oracle.ensembleCount()).to.equal(1n)
  })

  it('refuses questions that make no sense', async () => {
    const { oracle, create, seat, soon, networkHelpers, user } = await createOracle()
    const ensemble = await create({}, [seat(1)])
    const now = (await networkHelpers.time.latest()) + 1
    for (const deadline of [now, now + 1 + 30 * DAY + 1]) {
      const at = (await networkHelpers.time.latest()) + 1
      await expect(oracle.ask(ensemble, INPUT, deadline === now ? at : deadline))
        .to.be.revertedWithCustomError(oracle, 'DeadlineInvalid')
        .withArgs(deadline === now ? at : deadline, at + 1, at + 30 * DAY)
    }
    await expect(oracle.ask(9, INPUT, await soon()))
      .to.be.revertedWithCustomError(oracle, 'UnknownEnsemble')
      .withArgs(9, 1)
    await expect(oracle.ask(ensemble, `0x${FIELD_ORDER.toString(16)}`, await soon()))
      .to.be.revertedWithCustomError(oracle, 'InputOutOfField')
      .withArgs(FIELD_ORDER)
    const value = 2n ** 96n
    await networkHelpers.setBalance(user.address, 2n ** 97n)
    await expect(oracle.connect(user).ask(ensemble, INPUT, await soon(), { value }))
      .to.be.revertedWithCustomError(oracle, 'RewardTooHigh')
      .withArgs(value, value - 1n)
  })

  it('decides as the plainest implementation does, and pays out what came in', async () => {
    const world = await createOracle()
    const { oracle, addModel, create, seat, ask, answer, pastDeadline, ethers, user, prover } = world
    const random = randomFrom(8)
    const pick = (n: number) => Math.floor(random() * n)
    for (let play = 0; play < 8; play++) {
      const rule = play % 4
      const scores = rule >= RULE.mean
      const models: Model[] = []
      const seats: Seat[] = []
      for (let i = 0; i < 2 + pick(5); i++) {
        const output = scores ? signed(BigInt(pick(2001)) - 1000n) || 1n : labelled(pick(4), 1 + pick(3))
        const decoding = scores ? DECODING.score : DECODING.labelAndMargin
        models.push(await addModel(output, random() < 0.5 ? 'product' : 'constant', decoding))
        seats.push(seat(models[i]!, { decoding, weight: 256 + pick(3) * 1000, minMargin: scores ? 0 : pick(3) }))
      }
      const range = scores ? 1000n : 4n
      const question = await ask(await create({ rule, range, quorum: 1 }, seats), { value: BigInt(pick(1000)) })
      const cast: { value: bigint; margin: bigint; weight: bigint }[] = []
      for (const [i, model] of models.entries()) {
        if (random() < 0.2) continue
        await answer(question, i, model)
        const { output } = model
        const margin = scores ? 0n : output >> 16n
        const value = scores ? (output > FIELD_ORDER / 2n ? output - FIELD_ORDER : output) : output & 0xffffn
        if (margin >= BigInt(seats[i]!.minMargin)) cast.push({ value, margin, weight: BigInt(seats[i]!.weight) })
      }
      await pastDeadline(question)
      const ensemble = await oracle.ensembleCount()
      const closing = oracle.close(question)
      if (cast.length === 0) {
        await expect(closing).to.emit(oracle, 'QuestionClosed').withArgs(question, ensemble, STATUS.abstained, 0, 0, 0)
        continue
      }
      const { value, support, total, runnerUp } = decide(RULES[rule]!, cast)
      await expect(
        closing,
        JSON.stringify(cast, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
      )
        .to.emit(oracle, 'QuestionClosed')
        .withArgs(question, ensemble, STATUS.decided, value, support, total)
      expect([...(await oracle.resultOf(question))]).to.deep.equal([value, ((support - runnerUp) * 1000n) / total])
      const owed = (await oracle.balanceOf(user)) + (await oracle.balanceOf(prover))
      expect(await ethers.provider.getBalance(oracle)).to.equal(owed)
    }
  })
})
