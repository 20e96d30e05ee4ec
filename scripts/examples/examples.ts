// SPDX-License-Identifier: GPL-3.0-or-later
// Services of other people's problems: the data, the question, and how keepers train on it.
import { join } from 'node:path'
import type { TableOptions } from '../../keepers/services/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { mailTable } from './mail.ts'

export type Example = {
  /** Of the service, for people. */
  readonly title: string
  /** Of the manifest. */
  readonly name: string
  /** A CSV file. @throws NoExampleError where it has to be fetched and cannot be */
  readonly data: () => Promise<string>
  readonly options: TableOptions
  /** Config values of a keeper. */
  readonly training: Readonly<Record<string, number>>
}

export const EXAMPLE_NAMES = ['cancer', 'diabetes', 'mail'] as const

export const EXAMPLES: Record<(typeof EXAMPLE_NAMES)[number], Example> = {
  cancer: {
    title: 'Breast cancer',
    name: 'cells',
    data: async () => join(ROOT, 'examples/breast-cancer/cells.csv'),
    options: {},
    // A hundred rows a keeper are few steps an epoch.
    training: { 'training.epochs': 6, 'training.learningRate': 0.005 },
  },
  diabetes: {
    title: 'Diabetes',
    name: 'diabetes',
    data: async () => join(ROOT, 'examples/diabetes/patients.csv'),
    options: { unit: 'points' },
    training: { 'training.epochs': 6, 'training.learningRate': 0.005 },
  },
  mail: {
    title: 'Unwanted mail',
    name: 'mail',
    data: mailTable,
    options: { text: 'text', target: 'kind' },
    training: { 'training.epochs': 4, 'training.learningRate': 0.005 },
  },
}
