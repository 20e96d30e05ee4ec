// SPDX-License-Identifier: GPL-3.0-or-later
// A service of patients' records: each member has a table of its own.
import { writeFileSync } from 'node:fs'
import type { ServiceManifest } from '../../keepers/versions/index.ts'
import { clusterManifest } from '../../scripts/cluster.ts'

const ROWS = 150

/** Two columns and two classes, by a model that trains in an instant. */
export const patientsManifest = (): ServiceManifest =>
  clusterManifest('logistic', {
    input: {
      kind: 'table',
      shape: [2],
      delimiter: ',',
      features: ['age', 'dose'],
      label: 'outcome',
      scale: [
        { mean: 45, deviation: 15 },
        { mean: 2, deviation: 2 },
      ],
    },
    classes: ['well', 'sick'],
    rounds: { minTotalSamples: 300 },
  })

/** A keeper's own patients: two groups apart in both columns. */
export function writePatients(file: string, index: number): void {
  const rows = Array.from({ length: ROWS }, (_, i) => {
    const sick = (i + index) % 3 === 0
    const jitter = (((i + 31 * index) * 7919) % 100) / 25
    return `${sick ? 60 + jitter : 30 + jitter},${sick ? 'sick' : 'well'},${sick ? jitter / 4 : 4 - jitter / 4}`
  })
  writeFileSync(file, `age,outcome,dose\n${rows.join('\n')}\n`)
}

/** Config values of a keeper that trains on such a file. */
export const patientsValues = (path: string): Readonly<Record<string, unknown>> => ({
  'data.source': 'csv',
  'data.path': path,
  'data.shard': { kind: 'all' },
  'training.epochs': 20,
  'training.learningRate': 0.05,
})
