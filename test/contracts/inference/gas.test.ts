// SPDX-License-Identifier: GPL-3.0-or-later
// What a proven inference costs, against snapshots/inference.json. To accept new figures:
//   COHORT_UPDATE_SNAPSHOTS=1 npx hardhat test test/contracts/inference/gas.test.ts
import { expect } from 'chai'
import { codeSizes, compareSnapshot, type Figures, gasOf } from '../governance/gas-snapshot.ts'
import { honestBatch } from './batch.ts'
import { deployConsumer } from './consumers.ts'
import { createHub, FEATURE, HOUR, INPUT, PRICE, WEIGHTS } from './hub.ts'
import { OUTPUT } from './output-schema.ts'

/** Verifying one inference and recording it, the whole transaction. */
const VERIFY_LIMIT = 300_000
/** For each proof of eight, the whole transaction: calldata, verification, records, events. */
const BATCH_OF_EIGHT_LIMIT = 120_000
/** The same of sixteen. */
const BATCH_OF_SIXTEEN_LIMIT = 100_000

describe('gas of an inference', () => {
  it('is at most 2 % above the snapshot, and below the limit', async () => {
    const world = await createHub()
    const { hub, user, prover, owner, dao, service, described, circuit, ticket, contextFor, encode, word } = world
    const figures: Figures = {}
    figures['register a model'] = await gasOf(hub.connect(owner).registerModel(described(), service, 0, OUTPUT.label))

    const given = await ticket()
    const proof = await circuit.prove(WEIGHTS[0]!, FEATURE, await contextFor(user.address, 1, given))
    const output = word(WEIGHTS[0]! * FEATURE)
    figures['verify and record'] = await gasOf(
      hub.connect(user).verifyInference(1, INPUT, output, encode(proof, given)),
    )

    const deadline = (await world.networkHelpers.time.latest()) + HOUR
    figures.request = await gasOf(hub.connect(user).request(1, INPUT, deadline, 0, '0x', { value: PRICE }))
    const answer = await world.answer(word(1), prover)
    figures['fulfil, first of a prover'] = await gasOf(hub.connect(prover).fulfil(word(1), answer.output, answer.proof))
    const consumer = await deployConsumer('Asker', await hub.getAddress(), dao)
    await consumer.ask(1, INPUT, deadline, 100_000, PRICE)
    const second = await world.answer(word(2), prover)
    figures['fulfil with a callback'] = await gasOf(hub.connect(prover).fulfil(word(2), second.output, second.proof))
    const batch = await honestBatch(world, 8)
    const { inputs, outputs, proofs } = batch
    const eight = await gasOf(hub.connect(user).verifyInferenceBatch(1, inputs, outputs, proofs, batch.ticket))
    figures['verify and record, each of a batch of 8'] = Math.ceil(eight / 8)
    const anew = {
      ...world,
      ticket: (changes: Parameters<typeof ticket>[0]) => ticket({ ...changes, nonce: word(16) }),
    }
    const larger = await honestBatch(anew as typeof world, 16)
    const sixteen = await gasOf(
      hub.connect(user).verifyInferenceBatch(1, larger.inputs, larger.outputs, larger.proofs, larger.ticket),
    )
    figures['verify and record, each of a batch of 16'] = Math.ceil(sixteen / 16)
    const ids: string[] = []
    const answers = []
    for (let i = 3; i < 11; i++) {
      await hub.connect(user).request(1, INPUT, deadline, 0, '0x', { value: PRICE })
      ids.push(word(i))
      answers.push(await world.answer(word(i), prover))
    }
    const fulfilled = await gasOf(
      hub.connect(prover).fulfilBatch(
        ids,
        answers.map((given) => given.output),
        answers.map((given) => given.proof),
      ),
    )
    figures['fulfil, each of a batch of 8'] = Math.ceil(fulfilled / 8)
    figures.withdraw = await gasOf(hub.withdraw(prover, prover))

    expect(figures['verify and record']).to.be.lessThanOrEqual(VERIFY_LIMIT)
    expect(figures['verify and record, each of a batch of 8']).to.be.lessThanOrEqual(BATCH_OF_EIGHT_LIMIT)
    expect(figures['verify and record, each of a batch of 16']).to.be.lessThanOrEqual(BATCH_OF_SIXTEEN_LIMIT)
    compareSnapshot('inference', { gas: figures, bytes: await codeSizes(['InferenceHub']) })
  })
})
