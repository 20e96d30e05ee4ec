// SPDX-License-Identifier: GPL-3.0-or-later
// A demo about pictures with the owner's own network. The manifest is made from a part of the pictures, and each keeper has a skewed part.
import { loadIdxFolder } from '../../keepers/learning/index.ts'
import { chooseArchitecture, draftService } from '../../keepers/services/index.ts'
import { outputsOf, type ServiceManifest } from '../../keepers/versions/index.ts'
import { type PicturesExample, trainingOf } from '../examples/examples.ts'
import { pictureSample } from '../examples/pictures.ts'
import type { DemoOptions } from './options.ts'
import { CHAIN, draftText, type Subject } from './rows.ts'

/** Played on a part of the pictures: enough for bounds with the usual margins. */
const ROUNDS = 5

export async function picturesSubject(
  example: PicturesExample,
  { data, alpha, seed }: DemoOptions,
  say: (text: string) => void,
): Promise<Subject> {
  const training = await trainingOf(example)
  const { folder, said } = await example.pictures(data)
  say(`Data: ${said}`)
  const { sample, total } = await pictureSample(folder, example.classes)
  const spec = await chooseArchitecture(example.model, sample)
  const { manifest, report } = await draftService({ name: example.name, spec, sample, rounds: ROUNDS, total, ...CHAIN })
  say(draftText(manifest, report, `${sample.train.count} of ${total} pictures`))
  const rest = picturesOf(folder, example.classes.length, { alpha, seed, training })
  return { title: example.title, manifest, data: said, ...rest }
}

/** A service with a manifest that is there. @param folder IDX files */
export function picturesOfManifest(
  manifest: ServiceManifest,
  folder: string,
  { alpha, seed }: Pick<DemoOptions, 'alpha' | 'seed'>,
): Subject {
  const classes = outputsOf(manifest.task)
  return { title: manifest.name, manifest, ...picturesOf(folder, classes, { alpha, seed, training: {} }) }
}

type Dealing = {
  readonly alpha: number
  readonly seed: number
  readonly training: Readonly<Record<string, unknown>>
}

function picturesOf(
  folder: string,
  classes: number,
  { alpha, seed, training }: Dealing,
): Pick<Subject, 'values' | 'asked'> {
  return {
    values: (index, parts) => ({
      'data.source': 'idx',
      'data.path': folder,
      'data.shard': { kind: 'dirichlet', alpha, parts, index, seed },
      ...training,
    }),
    asked: async () => {
      const { train, test } = await loadIdxFolder(folder, { classes })
      // A folder without a test pair has no other pictures to ask about.
      const { inputs, count, labels, scale } = test ?? train
      const input = Array.from(inputs.subarray(0, inputs.length / count), (value) => value * scale)
      return { input, label: Number(labels[0]) }
    },
  }
}
