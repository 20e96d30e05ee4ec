// SPDX-License-Identifier: GPL-3.0-or-later
// A demo about pictures with a network of their owner's: the manifest is made from a part of them, and each keeper has a skewed part.
import { loadIdxFolder } from '../../keepers/learning/index.ts'
import { chooseArchitecture, draftService } from '../../keepers/services/index.ts'
import type { PicturesExample } from '../examples/examples.ts'
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
  const training = await example.training()
  const { folder, said } = await example.pictures(data)
  say(`Data: ${said}`)
  const { sample, total } = await pictureSample(folder, example.classes)
  const spec = await chooseArchitecture(example.model, sample)
  const { manifest, report } = await draftService({ name: example.name, spec, sample, rounds: ROUNDS, total, ...CHAIN })
  say(draftText(manifest, report, `${sample.train.count} of ${total} pictures`))
  return {
    title: example.title,
    manifest,
    data: said,
    values: (index, parts) => ({
      'data.source': 'idx',
      'data.path': folder,
      'data.shard': { kind: 'dirichlet', alpha, parts, index, seed },
      ...training,
    }),
    asked: async () => {
      const { test } = await loadIdxFolder(folder, { classes: example.classes.length })
      const size = test!.inputs.length / test!.count
      const input = Array.from(test!.inputs.subarray(0, size), (value) => value * test!.scale)
      return { input, label: Number(test!.labels[0]) }
    },
  }
}
