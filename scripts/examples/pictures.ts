// SPDX-License-Identifier: GPL-3.0-or-later
// The pictures of an example as a sample to draft a manifest from: a part of them, which is enough for bounds and for a plan.
import { head } from '../../keepers/learning/index.ts'
import { readSample, type Sample } from '../../keepers/services/index.ts'

/** Of pictures in a mixed order, as those of Fashion-MNIST are. */
const DRAFTED = { train: 6_000, test: 2_000 } as const

export type PictureSample = {
  readonly sample: Sample
  /** All training samples of the folder. */
  readonly total: number
}

/** @param folder IDX files @param classes names of as many classes as there are labels */
export async function pictureSample(folder: string, classes: readonly string[]): Promise<PictureSample> {
  const { train, test, input, task } = await readSample(folder)
  const found = task.kind === 'classification' ? task.classes.length : 0
  if (found !== classes.length) {
    throw new RangeError(`${folder}: ${found} classes, the example has ${classes.length}: ${classes.join(', ')}`)
  }
  const sample = {
    train: head(train, DRAFTED.train),
    test: head(test, DRAFTED.test),
    input,
    task: { kind: 'classification' as const, classes: [...classes] },
  }
  return { sample, total: train.count }
}
