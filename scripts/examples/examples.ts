// SPDX-License-Identifier: GPL-3.0-or-later
// The example services: their data, the question, and how keepers train on it.
import { join } from 'node:path'
import type { TableOptions } from '../../keepers/services/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { fashionPictures, type Pictures } from './fashion.ts'
import { GARMENTS } from './garments.ts'
import { mailTable } from './mail.ts'
import { sklearnTraining } from './sklearn.ts'

type Common = {
  /** Of the service, for people. */
  readonly title: string
  /** Of the manifest. */
  readonly name: string
  /** A file with the network; a small one that fits the data unless given. */
  readonly model?: string
  /** Training goes on from the weights in that file. */
  readonly startsTrained?: boolean
  /** How a keeper trains each round. */
  readonly training: { readonly epochs: number; readonly learningRate: number }
  /** Config values for a program that trains. @throws NoExampleError where it needs what this machine lacks */
  readonly program?: () => Promise<Readonly<Record<string, unknown>>>
}

export type RowsExample = Common & {
  /** A CSV file. @throws NoExampleError where it has to be fetched and cannot be */
  readonly data: () => Promise<string>
  readonly options: TableOptions
}

export type PicturesExample = Common & {
  /** IDX files. @param given the user's own folder */
  readonly pictures: (given: string | undefined) => Promise<Pictures>
  /** In the order of the labels. */
  readonly classes: readonly string[]
}

export const EXAMPLE_NAMES = ['cancer', 'diabetes', 'mail', 'sklearn', 'fashion'] as const
type ExampleName = (typeof EXAMPLE_NAMES)[number]

const CELLS = 'examples/breast-cancer/cells.csv'

export const EXAMPLES = {
  cancer: {
    title: 'Breast cancer',
    name: 'cells',
    data: async () => join(ROOT, CELLS),
    options: {},
    // A hundred rows per keeper make few steps per epoch.
    training: { epochs: 6, learningRate: 0.005 },
  },
  diabetes: {
    title: 'Diabetes',
    name: 'diabetes',
    data: async () => join(ROOT, 'examples/diabetes/patients.csv'),
    options: { unit: 'points' },
    training: { epochs: 6, learningRate: 0.005 },
  },
  mail: {
    title: 'Unwanted mail',
    name: 'mail',
    data: mailTable,
    options: { text: 'text', target: 'kind' },
    training: { epochs: 4, learningRate: 0.005 },
  },
  sklearn: {
    title: 'Breast cancer, trained by scikit-learn',
    name: 'sklearn-cells',
    data: async () => join(ROOT, CELLS),
    model: join(ROOT, 'examples/scikit-learn/cells.onnx'),
    startsTrained: true,
    options: {},
    training: { epochs: 6, learningRate: 0.005 },
    program: sklearnTraining,
  },
  fashion: {
    title: 'Garments',
    name: 'wardrobe',
    model: join(ROOT, 'examples/fashion-mnist/model.json'),
    pictures: (given) => fashionPictures(given === undefined ? {} : { given }),
    classes: GARMENTS,
    training: { epochs: 3, learningRate: 0.003 },
  },
} satisfies Record<ExampleName, RowsExample | PicturesExample> & { readonly fashion: PicturesExample }

/** Config values of a keeper that say how it trains. @throws NoExampleError */
export async function trainingOf({ training, program }: Common): Promise<Readonly<Record<string, unknown>>> {
  const { epochs, learningRate } = training
  return { ...(await program?.()), 'training.epochs': epochs, 'training.learningRate': learningRate }
}
