// SPDX-License-Identifier: GPL-3.0-or-later
// Sixteen members with labels of differing quality, who sit rounds out in turn: which answers each round's model gets right on a hold-out.

import { type Rota, sittersOf } from '../../../keepers/chain/data-market/rota.ts'
import {
  createDataset,
  LocalTrainer,
  modelSpec,
  proceduralDigits,
  SeededRandom,
  subset,
} from '../../../keepers/learning/index.ts'

export const MEMBERS = 16
const SAMPLES = 150
export const HOLD_OUT = 4000
/** Share of wrong labels of the worst member; the best has none, the others lie between at equal distances. */
export const WORST = 0.9

export type PlayedRound = {
  readonly round: number
  readonly sitting: readonly number[]
  /** 1 for each sample of the hold-out that is right. */
  readonly right: Uint8Array
}

/** Wrong labels of each member, in order of its place. */
export const noiseOf = (place: number): number => (WORST * place) / (MEMBERS - 1)

/** Plays rounds; FedAvg of one local epoch each. @param warm rounds with everybody before the first that counts */
export async function playRounds(
  {
    seed,
    epochSeed,
    rota,
    rounds,
    warm,
    rate,
  }: {
    seed: number
    epochSeed: string
    rota: Rota
    rounds: number
    warm: number
    rate: number
  },
  onRound: (round: PlayedRound) => void,
): Promise<void> {
  const { train, test } = proceduralDigits({ seed, train: MEMBERS * SAMPLES, test: HOLD_OUT })
  const random = new SeededRandom(seed + 1)
  const spec = modelSpec('logistic')
  const trainers: LocalTrainer[] = []
  for (let member = 0; member < MEMBERS; member++) {
    const own = subset(
      train,
      Uint32Array.from({ length: SAMPLES }, (_, i) => member * SAMPLES + i),
    )
    const labels = Array.from(own.labels, (label) => (random.uniform() < noiseOf(member) ? random.below(10) : label))
    const { name, origin, inputShape, classes, inputs } = own
    const trainer = await LocalTrainer.create({ spec })
    trainer.loadData(createDataset({ name, origin, inputShape, classes, inputs, labels }))
    trainers.push(trainer)
  }
  const judge = await LocalTrainer.create({ spec })
  const inputs = Float32Array.from(test.inputs, (value) => value * test.scale)
  let weights = judge.getWeights()
  try {
    for (let round = 1 - warm; round <= rounds; round++) {
      const sitting = round < 1 ? [] : sittersOf(rota, epochSeed, round - 1)
      const sum = new Float64Array(weights.length)
      for (const [member, trainer] of trainers.entries()) {
        if (sitting.includes(member)) continue
        trainer.setWeights(weights)
        trainer.setParameters({
          ...{ epochs: 1, batchSize: 30, seed: (seed * 1000 + round + warm) * MEMBERS + member },
          optimizer: { kind: 'sgd', learningRate: rate },
        })
        await trainer.train()
        for (const [i, weight] of trainer.getWeights().entries()) sum[i]! += weight
      }
      weights = Float32Array.from(sum, (value) => value / (MEMBERS - sitting.length))
      if (round < 1) continue
      judge.setWeights(weights)
      const scores = await judge.predict(inputs)
      const right = Uint8Array.from({ length: HOLD_OUT }, (_, i) => {
        const row = scores.subarray(i * 10, i * 10 + 10)
        return row.indexOf(Math.max(...row)) === test.labels[i] ? 1 : 0
      })
      onRound({ round: round - 1, sitting, right })
    }
  } finally {
    for (const trainer of [...trainers, judge]) trainer.teardown()
  }
}
