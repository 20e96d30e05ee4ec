// SPDX-License-Identifier: GPL-3.0-or-later
// Jobs and answers as bytes: what comes back is what was sent, and nothing else is read.
import { expect } from 'chai'
import { type ClaimTask, plan } from '../../../keepers/fhe/index.ts'
import { claims, gradients, JobError, type JobKind, proofLane, proofs } from '../../../keepers/jobs/index.ts'
import { initialWeights, modelSpec, type SliceTask } from '../../../keepers/learning/index.ts'

const spec = { ...modelSpec('logistic'), loss: { kind: 'cross-entropy', weights: Array(10).fill(0.5) } } as const
const slice: SliceTask = {
  ...{ spec, count: 3, seed: 0xffff_fffe, share: 0.25, weights: initialWeights(spec, 1) },
  inputs: Float32Array.from({ length: 3 * 784 }, (_, i) => (i % 7) / 7),
  labels: Int32Array.of(0, 9, 4),
  targets: new Float32Array(30),
}

async function refused(act: () => Promise<unknown>): Promise<string> {
  try {
    await act()
  } catch (error) {
    if (error instanceof JobError) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('it was not refused')
}

/** Every message that is cut off, and one that is longer. */
async function insistsOnLength<I, O>(kind: JobKind<I, O>, bytes: Uint8Array): Promise<void> {
  for (const length of [0, 3, 4, 40, bytes.length - 4, bytes.length - 1]) {
    expect(await refused(() => kind.decodeInput(bytes.slice(0, length))), `${length}`).to.match(/^BAD_MESSAGE/)
  }
  expect(await refused(() => kind.decodeInput(new Uint8Array([...bytes, 0])))).to.match(/^BAD_MESSAGE.*speaks of/)
}

describe('kinds of jobs', () => {
  it('gradients: a slice of a batch arrives as it was, with the loss of its model', async () => {
    const bytes = await gradients.encodeInput(slice)
    const { spec: read, ...rest } = await gradients.decodeInput(bytes)
    const { spec: _, ...sent } = slice
    expect(rest).to.deep.equal(sent)
    expect([read.parameterCount, read.loss, read.name]).to.deep.equal([spec.parameterCount, spec.loss, spec.name])
    await insistsOnLength(gradients, bytes)
  })

  it('gradients: an answer must have the model`s length and finite numbers', async () => {
    const gradient = new Float32Array(spec.parameterCount).fill(0.5)
    const answer = { gradient, lossSum: 2.5, correct: 2 }
    const bytes = await gradients.encodeAnswer(answer)
    expect(await gradients.decodeAnswer(bytes, slice)).to.deep.equal(answer)
    const decode = async (other: Partial<typeof answer>) => {
      const encoded = await gradients.encodeAnswer({ ...answer, ...other })
      return await refused(() => gradients.decodeAnswer(encoded, slice))
    }
    const poisoned = gradient.slice()
    poisoned[7] = Number.NaN
    expect(await decode({ gradient: poisoned })).to.match(/^BAD_ANSWER: value 7 of the gradient is NaN/)
    expect(await decode({ gradient: gradient.subarray(1) })).to.match(/^BAD_MESSAGE: gradient has 7849 values, 7850/)
    expect(await decode({ correct: 31 })).to.match(/^BAD_ANSWER: 31 right answers of 3 samples/)
    expect(await decode({ lossSum: Number.NaN }).catch(String)).to.match(/the loss of this slice is not finite/)
    expect(await refused(() => gradients.decodeAnswer(bytes.subarray(0, bytes.length - 4), slice))).to.match(/^BAD_M/)
  })

  it('gradients: the hash must be that of the topology', async () => {
    const bytes = await gradients.encodeInput(slice)
    const at = Buffer.from(bytes).indexOf('"specHash":"') + 12
    bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30
    expect(await refused(() => gradients.decodeInput(bytes))).to.match(/^BAD_MESSAGE: the topology has the hash/)
  })

  it('claims: seeds, plan and ciphertexts arrive as they were', async () => {
    const agreed = plan({ members: 3, threshold: 2, vectorLength: 100, clipBound: 1, decryptionsPerKey: 4 })
    const part = (length: number, value: number) => new Uint8Array(length).fill(value)
    const task: ClaimTask = {
      plan: {
        ...{
          set: agreed.set,
          members: 3,
          threshold: 2,
          vectorLength: 100,
          clipBound: 1,
          maxWeight: 1,
          minTotalWeight: 1,
        },
        ...{
          clipNorm: 10,
          roundsPerKey: 4,
          decryptionsPerKey: 4,
          statisticalBits: 128,
          scaleBits: 30,
          minPrecisionBits: 6,
        },
      },
      ...{ planHash: agreed.hash, from: 0, to: 1, ciphertexts: part(77, 5) },
      seeds: { projection: part(32, 1), round: part(32, 2), rho: part(160, 3) },
    }
    const bytes = await claims.encodeInput(task)
    expect(await claims.decodeInput(bytes)).to.deep.equal(task)
    await insistsOnLength(claims, bytes)
    const sums = { constants: [1n, (1n << 60n) - 1n], weights: part(64, 9) }
    expect(await claims.decodeAnswer(await claims.encodeAnswer(sums), task)).to.deep.equal(sums)
  })

  it('proofs: a witness arrives as it was, and an answer counts only if the check takes it', async () => {
    const task = {
      ...{ circuitId: `0x${'ab'.repeat(32)}`, modelCommitment: 12n ** 60n, context: 5n, salts: { input: 7n } },
      input: Float64Array.of(1, -2, 2 ** 40),
    }
    const asked: unknown[] = []
    const kind = proofs(async (of, answer) => asked.push([of, answer]) > 1)
    const bytes = await kind.encodeInput(task)
    expect(await kind.decodeInput(bytes)).to.deep.equal(task)
    await insistsOnLength(kind, bytes)
    expect(proofLane(task)).to.match(/^proofs-[0-9a-f]{32}$/)
    expect(proofLane({ ...task, modelCommitment: 1n })).to.not.equal(proofLane(task))
    const proof = {
      a: [1n, 2n],
      b: [
        [3n, 4n],
        [5n, 6n],
      ],
      c: [7n, 8n],
    } as const
    const answer = { proof, publicSignals: [1n, 2n, 3n, 4n] }
    const encoded = await kind.encodeAnswer(answer)
    expect(await refused(() => kind.decodeAnswer(encoded, task))).to.match(/^BAD_ANSWER: the proof is not one of this/)
    expect(await kind.decodeAnswer(encoded, task)).to.deep.equal(answer)
    expect(asked[1]).to.deep.equal([task, answer])
    expect(await refused(() => proofs().decodeAnswer(encoded, task))).to.match(/^BAD_ANSWER/)
  })
})
