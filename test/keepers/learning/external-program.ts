// SPDX-License-Identifier: GPL-3.0-or-later
// Programs that train, or do something else instead. They are /bin/sh and this Node, so every machine has them.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import {
  createDataset,
  type ExternalRound,
  ExternalTrainer,
  initialWeights,
  modelSpec,
  type TrainerLimits,
} from '../../../keepers/learning/index.ts'

const FREE: TrainerLimits = { seconds: 20, network: 'allowed', processes: 'shared' }
export const ROUND: ExternalRound = {
  round: 3,
  epoch: 2,
  training: { epochs: 4, batchSize: 8, optimizer: { kind: 'sgd', learningRate: 0.05 }, seed: 99 },
  clip: { norm: 2, entry: 1 },
  privacy: null,
  manifest: `0x${'ab'.repeat(32)}`,
}
/** Hands the weights back as they came. */
export const KEEP = 'cp "$COHORT_TRAINING/weights.safetensors" "$COHORT_TRAINING/trained.safetensors"'
export const SAY = `printf '{"samples": 6, "loss": 0.5, "metrics": {"f1": 0.25}}' > "$COHORT_TRAINING/metrics.json"`

const spec = modelSpec('logistic', { inputShape: [3], classes: 2 })
export const weights = initialWeights(spec, 5)
export const data = createDataset({
  ...{ name: 'six', origin: 'memory', inputShape: [3], classes: 2, classNames: ['well', 'sick'] },
  inputs: Float32Array.from({ length: 18 }, (_, i) => i),
  labels: Uint16Array.of(0, 1, 0, 1, 0, 1),
})

/** Trainers of a folder that lives as long as the suite that calls this. */
export function programs() {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'cohort-program-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const place = () => join(folder, 'rounds')
  const trainer = (command: readonly string[], limits: Partial<TrainerLimits> = {}) =>
    new ExternalTrainer(spec, { command, limits: { ...FREE, ...limits }, environment: {}, folder }, place())
  const shell = (script: string, limits: Partial<TrainerLimits> = {}) => trainer(['sh', '-c', script], limits)
  const node = (script: string, limits: Partial<TrainerLimits> = {}) => {
    writeFileSync(
      join(folder, 'program.mjs'),
      `import fs from 'node:fs'\nconst at = process.env.COHORT_TRAINING\n${script}`,
    )
    return trainer([process.execPath, 'program.mjs'], limits)
  }
  afterEach(() => {
    // Whatever it did, nothing of the round is left.
    if (existsSync(place())) expect(readdirSync(place())).to.deep.equal([])
  })

  return { trainer, shell, node, at: (name: string) => join(folder, name) }
}
